//! What is current, according to the audit trail.
//!
//! A row that says which key is current can be put back as a whole by a party with write access to
//! the database. The events of its changes cannot be made again, and their absence shows.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::audit::event::{Action, Event};
use crate::caller::OrgScope;
use crate::error::VaultError;
use crate::keyring::stored::StoredOrgKey;
use crate::ports::audit::StateEvents;
use crate::scrub::KeyProblem;
use crate::vault::Vault;

/// The number of events that are compared: more than one, since the clocks of the servers that
/// recorded them differ.
const COMPARED: i64 = 64;

/// The generations of an organization's key, as recorded.
#[derive(Debug, Default)]
pub(super) struct RecordedGenerations {
    /// The active one; `None` if an event of an earlier version, or none, says so.
    pub(super) active: Option<i32>,
    /// Those that were destroyed.
    retired: Vec<i32>,
    /// Whether the organization is deleted.
    deleted: bool,
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
        self.proved_state_events(scope, which, COMPARED).await
    }

    /// The newest `limit` of these events, newest first.
    pub(super) async fn proved_state_events(
        &self,
        scope: OrgScope,
        which: StateEvents,
        limit: i64,
    ) -> Result<Vec<Event>, VaultError> {
        let found = self.store.state_events(scope, which, limit).await?;
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

    /// The stored keys of the organization of `scope`, and how they and the organization differ
    /// from its audit trail.
    ///
    /// # Errors
    /// As for [`Self::state_events`].
    pub(super) async fn keys_with_problems(
        &self,
        scope: OrgScope,
    ) -> Result<(Vec<StoredOrgKey>, Vec<KeyProblem>), VaultError> {
        let stored = self.store.org_keys(scope).await?;
        let recorded = self.recorded_generations(scope).await?;
        let mut problems = recorded.problems(&stored);
        if recorded.active.is_none() && !stored.is_empty() && *self.organizations_attested.read() {
            problems.push(KeyProblem::Unproved);
        }
        if recorded.deleted {
            let organization = self.store.organization(scope).await?;
            let undone = organization.is_some_and(|row| row.deleted_at.is_none());
            problems.extend(undone.then_some(KeyProblem::DeletionUndone));
        }
        Ok((stored, problems))
    }

    /// The time of a deletion or restoration.
    pub(super) async fn deletion_time(&self, scope: OrgScope) -> Result<DateTime<Utc>, VaultError> {
        self.state_time(scope, StateEvents::Deletions).await
    }

    /// The time of another one of these events: later than the earlier ones, since the newest one
    /// counts, and clocks differ.
    pub(super) async fn state_time(
        &self,
        scope: OrgScope,
        which: StateEvents,
    ) -> Result<DateTime<Utc>, VaultError> {
        let events = self.store.state_events(scope, which, 1).await?;
        let newest = events.first().and_then(|found| found.event.at.time());
        let after = newest.map(|newest| newest + TimeDelta::microseconds(1));
        Ok(after.map_or(self.now(), |after| after.max(self.now())))
    }
}

impl RecordedGenerations {
    pub(super) fn of(events: &[Event]) -> Self {
        let is_deletion = |event: &&Event| {
            matches!(
                event.action,
                Action::OrganizationDelete | Action::OrganizationRestore
            )
        };
        let (retirements, activations): (Vec<&Event>, Vec<&Event>) = events
            .iter()
            .filter(|event| !is_deletion(event))
            .partition(|event| event.action == Action::OrganizationRetire);
        // An event of an earlier version does not say which generation it made active.
        let known: Vec<i32> = activations.iter().map_while(|e| activated(e)).collect();
        Self {
            active: known.into_iter().max(),
            retired: retirements.into_iter().filter_map(generation).collect(),
            deleted: is_deleted(events),
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

/// Whether the organization is deleted according to `events`, newest first.
pub(super) fn is_deleted(events: &[Event]) -> bool {
    let newest = events.iter().find(|event| is_about_deletion(event));
    newest.is_some_and(|event| event.action != Action::OrganizationRestore)
}

/// Whether `event` says that the organization is deleted or restored. An attestation says that it
/// is deleted, or nothing about it.
pub(super) fn is_about_deletion(event: &Event) -> bool {
    match event.action {
        Action::OrganizationDelete | Action::OrganizationRestore => true,
        Action::OrganizationAttest => !member(event, "deleted_at").is_null(),
        _ => false,
    }
}

/// The member `name` of the details; null if there is none.
pub(super) fn member(event: &Event, name: &str) -> Value {
    let details = event.details.as_ref();
    details.and_then(|d| d.get(name)).unwrap_or_default()
}

fn activated(event: &Event) -> Option<i32> {
    match event.action {
        Action::OrganizationCreate => Some(1),
        _ => generation(event),
    }
}

fn generation(event: &Event) -> Option<i32> {
    i32::try_from(member(event, "generation").as_i64()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use strongroom_crypto::RootKeyId;
    use uuid::Uuid;

    use super::*;
    use crate::audit::details::Details;
    use crate::caller::{Caller, RequestInfo};
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
