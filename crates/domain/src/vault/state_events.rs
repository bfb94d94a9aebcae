//! What is current, according to the audit trail.
//!
//! A row that says which key is current can be put back as a whole by a party with write access to
//! the database. The events of its changes cannot be made again, and their absence shows.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::audit::format::EventFormat;
use crate::audit::stored::format_time;
use crate::caller::{Caller, OrgScope};
use crate::error::VaultError;
use crate::keyring::stored::StoredOrgKey;
use crate::ports::audit::StateEvents;
use crate::scrub::KeyProblem;
use crate::vault::Vault;

/// The number of events that are compared: more than one, since the clocks of the servers that
/// recorded them differ.
const COMPARED: i64 = 16;

/// The generations of an organization's key, as recorded.
#[derive(Debug, Default)]
pub(super) struct RecordedGenerations {
    /// The active one; `None` if an event of an earlier version, or none, says so.
    active: Option<i32>,
    /// Those that were destroyed.
    retired: Vec<i32>,
}

impl Vault {
    /// The newest of these events of the organization of `scope`, newest first.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if one was altered or inserted, or an error of the store.
    pub(super) async fn state_events(
        &self,
        scope: OrgScope,
        which: StateEvents,
    ) -> Result<Vec<Event>, VaultError> {
        let found = self.store.state_events(scope, which, COMPARED).await?;
        let proven = found.iter().map(|evidence| {
            let previous = evidence.previous.as_deref();
            let event = self.chain.prove(scope.org(), &evidence.event, previous);
            event.ok_or(VaultError::Integrity(
                "an audit event that says what is current was altered or inserted",
            ))
        });
        proven.collect()
    }

    /// The recorded generations of the key of the organization of `scope`.
    ///
    /// # Errors
    /// As for [`Self::state_events`].
    pub(super) async fn recorded_generations(
        &self,
        scope: OrgScope,
    ) -> Result<RecordedGenerations, VaultError> {
        let events = self.state_events(scope, StateEvents::Generations).await?;
        Ok(RecordedGenerations::of(&events))
    }
}

impl Vault {
    /// Records again what later checks rely on, and what a prune of the events before `cut` could
    /// remove: the active generation, API keys with their revocation, a pending destruction.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if the rows differ from the trail, or an error of the store.
    pub(super) async fn attest_state(
        &self,
        caller: &Caller,
        cut: DateTime<Utc>,
    ) -> Result<(), VaultError> {
        if self.chain.format() == EventFormat::First {
            return Ok(());
        }
        let scope = caller.scope();
        let mut events = vec![self.organization_attestation(caller).await?];
        let keys = self.store.keys_with_trail(scope).await?;
        if keys.iter().any(|key| !key.issued || key.revocation_undone) {
            return Err(VaultError::Integrity(
                "an API key differs from its audit events; `strongroom verify` names it",
            ));
        }
        for key in self.store.unattested_api_keys(scope, cut).await? {
            let details = Details::new([
                ("role", json!(key.role.as_str())),
                ("expires_at", json!(key.expires_at.map(format_time))),
                ("revoked", json!(key.revoked_at.is_some())),
            ]);
            let event = Event::by(caller, Action::KeyAttest, self.now());
            events.push(event.about_key(key.id).with_details(details));
        }
        Ok(self.store.record_all(scope, events).await?)
    }

    async fn organization_attestation(&self, caller: &Caller) -> Result<Event, VaultError> {
        let scope = caller.scope();
        let stored = self.current_org_keys(scope).await?;
        let active = stored.iter().find(|key| key.active);
        let organization = self.store.organization(scope).await?;
        let pending = organization.filter(|row| row.destroyed_at.is_none());
        let deleted = pending.filter(|row| row.deleted_at.is_some());
        // The proved time, never the row's alone: an attestation must not make an edit genuine.
        let destroy_after = match &deleted {
            Some(organization) => Some(self.destruction_time(caller, organization).await?),
            None => None,
        };
        let deleted_at = deleted.and_then(|row| row.deleted_at);
        let details = Details::new([
            ("generation", json!(active.map(|key| key.generation))),
            ("deleted_at", json!(deleted_at.map(format_time))),
            ("destroy_after", json!(destroy_after.map(format_time))),
        ]);
        let event = Event::by(caller, Action::OrganizationAttest, self.now());
        Ok(event.with_details(details))
    }
}

impl RecordedGenerations {
    fn of(events: &[Event]) -> Self {
        let (retirements, activations): (Vec<&Event>, Vec<&Event>) = events
            .iter()
            .partition(|event| event.action == Action::OrganizationRetire);
        // An event of an earlier version does not say which generation it made active.
        let known: Vec<i32> = activations.iter().map_while(|e| activated(e)).collect();
        Self {
            active: known.into_iter().max(),
            retired: retirements.into_iter().filter_map(generation).collect(),
        }
    }

    /// The highest recorded generation.
    pub(super) fn highest(&self) -> Option<i32> {
        self.retired.iter().copied().chain(self.active).max()
    }

    /// The differences between the recorded generations and the `stored` ones.
    pub(super) fn problems(&self, stored: &[StoredOrgKey]) -> Vec<KeyProblem> {
        let active = stored.iter().find(|key| key.active);
        let active = active.map(|key| key.generation);
        let mut problems = Vec::new();
        if let (Some(active), Some(recorded)) = (active, self.active)
            && active != recorded
        {
            problems.push(KeyProblem::RolledBack { active, recorded });
        }
        let put_back = stored.iter().map(|key| key.generation);
        let put_back = put_back.filter(|generation| self.retired.contains(generation));
        problems.extend(put_back.map(KeyProblem::PutBack));
        problems
    }
}

fn activated(event: &Event) -> Option<i32> {
    match event.action {
        Action::OrganizationCreate => Some(1),
        _ => generation(event),
    }
}

fn generation(event: &Event) -> Option<i32> {
    let generation = event.details.as_ref()?.get("generation");
    i32::try_from(generation.as_ref().and_then(Value::as_i64)?).ok()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use strongroom_crypto::RootKeyId;
    use uuid::Uuid;

    use super::*;
    use crate::caller::RequestInfo;
    use crate::ids::OrgId;

    fn event(action: Action, generation: Option<i32>) -> Event {
        let request = RequestInfo {
            id: "r".into(),
            source: "s".into(),
        };
        let caller = Caller::operator(OrgId(Uuid::from_u128(1)), request);
        let mut event = Event::by(&caller, action, DateTime::UNIX_EPOCH);
        event.details = generation.map(|number| Details::new([("generation", json!(number))]));
        event
    }

    fn keys(active: i32, others: &[i32]) -> Vec<StoredOrgKey> {
        let key = |generation| StoredOrgKey {
            generation,
            root_key: RootKeyId(Uuid::nil()),
            wrapped: Vec::new(),
            active: generation == active,
        };
        others.iter().copied().chain([active]).map(key).collect()
    }

    #[test]
    fn the_active_generation_is_the_highest_recorded_one() {
        use Action::{OrganizationCreate, OrganizationRetire, OrganizationRotate};
        let create = || event(OrganizationCreate, None);
        let rotate = |generation| event(OrganizationRotate, generation);
        let problems = |events: &[Event], keys: &[StoredOrgKey]| {
            RecordedGenerations::of(events).problems(keys)
        };
        assert_eq!(problems(&[create()], &keys(1, &[])), []);
        assert_eq!(problems(&[], &keys(7, &[])), []);
        // The clock of the server that made generation 3 was behind.
        let rotated = [rotate(Some(2)), rotate(Some(3)), create()];
        assert_eq!(problems(&rotated, &keys(3, &[1, 2])), []);
        let rolled_back = KeyProblem::RolledBack {
            active: 2,
            recorded: 3,
        };
        assert_eq!(problems(&rotated, &keys(2, &[1])), [rolled_back]);
        // An earlier version made the newest one.
        assert_eq!(problems(&[rotate(None), create()], &keys(2, &[1])), []);
        let retired = [
            event(OrganizationRetire, Some(1)),
            rotate(Some(2)),
            create(),
        ];
        assert_eq!(problems(&retired, &keys(2, &[])), []);
        assert_eq!(problems(&retired, &keys(2, &[1])), [KeyProblem::PutBack(1)]);
    }
}
