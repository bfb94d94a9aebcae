//! What the audit trail of the installation says of root keys.

use serde_json::{Value, json};
use strongroom_crypto::RootKeyId;
use uuid::Uuid;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::error::VaultError;
use crate::keyring::stored::StoredRootKey;
use crate::rotation::RootKeyState;
use crate::scrub::RootKeyProblem;

/// What the trail of the installation says of root keys.
#[derive(Debug, Default)]
pub(super) struct RecordedRootKeys {
    /// The active key, with its number: each activation has the next one.
    pub(super) active: Option<(i64, RootKeyId)>,
    /// Those that were declared destroyed.
    retired: Vec<RootKeyId>,
    /// Whether the state of every organization was recorded in record format 3.
    pub(super) organizations_attested: bool,
}

impl RecordedRootKeys {
    /// The state with which a trail begins.
    pub(super) fn first(stored: &[StoredRootKey]) -> Result<Self, VaultError> {
        let active = active(stored);
        let active = active.ok_or(VaultError::Integrity("the database has no active root key"))?;
        let retired = stored
            .iter()
            .filter(|key| key.state == RootKeyState::Retired);
        Ok(Self {
            active: Some((1, active.id)),
            retired: retired.map(|key| key.id).collect(),
            organizations_attested: false,
        })
    }

    pub(super) fn of(events: &[Event]) -> Self {
        let mut recorded = Self::default();
        for event in events {
            let Some(details) = &event.details else {
                continue;
            };
            match event.action {
                Action::RootKeyRetire => recorded.retired.extend(root_key(details)),
                _ => recorded.add(details),
            }
        }
        recorded.retired.sort_unstable();
        recorded.retired.dedup();
        recorded
    }

    fn add(&mut self, details: &Details) {
        let number = details.get("number").and_then(|number| number.as_i64());
        self.active = self.active.max(number.zip(root_key(details)));
        let retired = details.get("retired").unwrap_or_default();
        let retired = retired.as_array().into_iter().flatten();
        self.retired.extend(retired.filter_map(root_key_id));
        self.organizations_attested |= details.get("organizations") == Some(json!("attested"));
    }

    pub(super) fn details(&self) -> Details {
        let (number, active) = self.active.unzip();
        let retired: Vec<String> = self.retired.iter().map(ToString::to_string).collect();
        let organizations = self.organizations_attested.then_some("attested");
        Details::new([
            ("root_key_id", json!(active.map(|id| id.to_string()))),
            ("number", json!(number)),
            ("retired", json!(retired)),
            ("organizations", json!(organizations)),
        ])
    }

    pub(super) fn problems(&self, stored: &[StoredRootKey]) -> Vec<RootKeyProblem> {
        let Some((_, recorded)) = self.active else {
            return vec![RootKeyProblem::Unproved];
        };
        let active = active(stored).map(|key| key.id);
        let rolled_back = active
            .filter(|active| *active != recorded)
            .map(|active| RootKeyProblem::RolledBack { active, recorded });
        let not_retired = stored
            .iter()
            .filter(|key| key.state != RootKeyState::Retired);
        let put_back = not_retired.filter(|key| self.retired.contains(&key.id));
        let put_back = put_back.map(|key| RootKeyProblem::PutBack(key.id));
        rolled_back.into_iter().chain(put_back).collect()
    }
}

pub(super) fn active(stored: &[StoredRootKey]) -> Option<&StoredRootKey> {
    stored.iter().find(|key| key.state == RootKeyState::Active)
}

fn root_key(details: &Details) -> Option<RootKeyId> {
    root_key_id(&details.get("root_key_id")?)
}

fn root_key_id(value: &Value) -> Option<RootKeyId> {
    Uuid::try_parse(value.as_str()?).ok().map(RootKeyId)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::caller::{Caller, RequestInfo};
    use crate::ids::OrgId;

    fn event(action: Action, details: Details) -> Event {
        let request = RequestInfo {
            id: "r".into(),
            source: "s".into(),
        };
        let caller = Caller::operator(OrgId::INSTALLATION, request);
        Event::by(&caller, action, DateTime::UNIX_EPOCH).with_details(details)
    }

    fn key(id: u128, state: RootKeyState) -> StoredRootKey {
        StoredRootKey {
            id: RootKeyId(Uuid::from_u128(id)),
            check_value: Vec::new(),
            passphrase: None,
            state,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_active_root_key_is_the_one_that_was_activated_last() {
        use RootKeyState::{Active, Retired, Superseded, Unneeded};
        let first = RecordedRootKeys::first(&[key(1, Active)]).unwrap();
        let id = |id: u128| json!(Uuid::from_u128(id).to_string());
        let activated = Details::new([("root_key_id", id(2)), ("number", json!(2))]);
        let retired = Details::new([("root_key_id", id(1))]);
        let events = [
            event(Action::RootKeyRetire, retired),
            // The clock of the process that activated it was behind.
            event(Action::InstallationCreate, first.details()),
            event(Action::RootKeyActivate, activated),
        ];
        let recorded = RecordedRootKeys::of(&events);
        let now = [key(1, Retired), key(2, Active)];
        assert_eq!(recorded.problems(&now), []);
        let again = RecordedRootKeys::of(&[event(Action::InstallationAttest, recorded.details())]);
        assert_eq!(again.problems(&now), []);
        let rolled_back = [key(1, Active), key(2, Superseded)];
        assert_eq!(
            again.problems(&rolled_back),
            [
                RootKeyProblem::RolledBack {
                    active: RootKeyId(Uuid::from_u128(1)),
                    recorded: RootKeyId(Uuid::from_u128(2)),
                },
                RootKeyProblem::PutBack(RootKeyId(Uuid::from_u128(1))),
            ]
        );
        let put_back = [key(1, Unneeded), key(2, Active)];
        let problem = RootKeyProblem::PutBack(RootKeyId(Uuid::from_u128(1)));
        assert_eq!(again.problems(&put_back), [problem]);
        assert_eq!(
            RecordedRootKeys::default().problems(&now),
            [RootKeyProblem::Unproved]
        );
    }
}
