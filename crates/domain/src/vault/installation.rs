//! The audit trail of the installation: root keys, service keys and jobs. What it says of root keys
//! counts; their rows, which a party with write access to the database can put back, do not.

use std::sync::Arc;

use strongroom_crypto::RootKeyId;
use uuid::Uuid;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::caller::{Caller, OrgScope};
use crate::error::VaultError;
use crate::health::condition::Condition;
use crate::ids::OrgId;
use crate::keyring::root::RootKeyring;
use crate::keyring::stored::StoredRootKey;
use crate::ports::audit::StateEvents;
use crate::ports::error::StoreError;
use crate::ports::installation::InstallationChange;
use crate::record_format::{INSTALLATION_TRAIL, RECORD_FORMAT, RecordFormat};
use crate::scrub::RootKeyProblem;
use crate::vault::Vault;
use crate::vault::recorded_root_keys::{RecordedRootKeys, active};

const ROLLED_BACK: &str = "the root keys are not those in the audit trail of the installation";

impl Vault {
    /// Makes `change`, and records it as `action` of `caller`.
    pub(super) async fn change_installation(
        &self,
        caller: &Caller,
        change: InstallationChange,
        (action, details): (Action, Details),
    ) -> Result<(), StoreError> {
        let event = Event::by(caller, action, self.now()).with_details(details);
        self.store
            .change_installation(caller.scope(), change, event)
            .await
    }

    /// What the trail of the installation says of root keys.
    pub(super) async fn recorded_root_keys(&self) -> Result<RecordedRootKeys, VaultError> {
        let scope = OrgScope::new(OrgId::INSTALLATION);
        let events = self.state_events(scope, StateEvents::RootKeys).await?;
        Ok(RecordedRootKeys::of(&events))
    }

    /// The stored root keys, and how they differ from the trail of the installation. A rotation may
    /// commit between the two reads, so a difference is looked at twice.
    pub(super) async fn root_keys_with_record(
        &self,
    ) -> Result<(Vec<StoredRootKey>, RecordedRootKeys, Vec<RootKeyProblem>), VaultError> {
        let mut looks = 0;
        loop {
            let stored = self.root_store.root_keys().await?;
            let recorded = self.recorded_root_keys().await?;
            let problems = match self.has_installation_trail() {
                true => recorded.problems(&stored),
                false => Vec::new(),
            };
            looks += 1;
            if problems.is_empty() || looks == 2 {
                return Ok((stored, recorded, problems));
            }
        }
    }

    /// Wraps new keys with the root key that the trail of the installation says is active, and with
    /// none while that cannot be known.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn confirm_root_keys(&self) -> Result<(), VaultError> {
        let conditions = &self.counters.conditions;
        let active = match self.root_keys_with_record().await {
            Ok((stored, recorded, problems)) => {
                *self.organizations_attested.write() = recorded.organizations_attested;
                if let Some(problem) = problems.first() {
                    conditions.record(Condition::RootKeysRolledBack, problem);
                } else if self.has_installation_trail() {
                    conditions.absent(Condition::RootKeysRolledBack);
                }
                match self.has_installation_trail() {
                    true => recorded.active.map(|(_, id)| id),
                    false => active(&stored).map(|key| key.id),
                }
            }
            Err(VaultError::Integrity(why)) => {
                conditions.record(Condition::RootKeysRolledBack, why);
                None
            }
            Err(error) => return Err(error),
        };
        let active = active.unwrap_or(RootKeyId(Uuid::nil()));
        if active != self.root().active_id() {
            let ring = RootKeyring::clone(&self.root()).with_active(active);
            *self.root.write() = Arc::new(ring);
        }
        Ok(())
    }

    pub(super) fn has_installation_trail(&self) -> bool {
        self.chain.record_format() >= INSTALLATION_TRAIL
    }

    /// The number of the next activation of a root key.
    pub(super) async fn next_root_key_number(&self) -> Result<i64, VaultError> {
        let recorded = self.recorded_root_keys().await?;
        Ok(recorded.active.map_or(1, |(number, _)| number + 1))
    }

    /// Advances the record format from `from` to the newest one, and begins the trail of the
    /// installation with the root keys as they are. If there is a trail, which a backup restored,
    /// it goes on.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if there was a trail that is gone, or if the root keys are not
    /// those in it; or an error of the store.
    pub(super) async fn advance_record_format(
        &self,
        caller: &Caller,
        from: RecordFormat,
    ) -> Result<(), VaultError> {
        // Without an organization, no record of an earlier format exists.
        let since = match self.root_store.has_organizations().await? {
            true => self.now(),
            false => RecordFormat::FIRST.since,
        };
        let to = RecordFormat {
            format: RECORD_FORMAT,
            since,
        };
        let recorded = self.beginning().await?;
        self.chain.write_format(to);
        let change = InstallationChange::AdvanceRecordFormat(to);
        match self.change_installation(caller, change, recorded).await {
            Ok(()) => tracing::info!(format = to.format, "servers write a newer record format"),
            // Another process was first.
            Err(StoreError::Conflict) => {}
            Err(error) => {
                self.chain.write_format(from);
                return Err(error.into());
            }
        }
        Ok(())
    }

    async fn beginning(&self) -> Result<(Action, Details), VaultError> {
        let stored = self.root_store.root_keys().await?;
        let recorded = self.recorded_root_keys().await?;
        if recorded.active.is_none() {
            self.refuse_second_beginning().await?;
            let details = RecordedRootKeys::first(&stored)?.details();
            return Ok((Action::InstallationCreate, details));
        }
        match recorded.problems(&stored).is_empty() {
            true => Ok((Action::InstallationAttest, recorded.details())),
            false => Err(VaultError::Integrity(ROLLED_BACK)),
        }
    }

    // Events of the newest format in the trail of an organization show that the trail of the
    // installation had begun.
    async fn refuse_second_beginning(&self) -> Result<(), VaultError> {
        for org in self.store.organization_ids().await? {
            let scope = OrgScope::new(org);
            let events = self.state_events(scope, StateEvents::Generations).await?;
            if events.iter().any(is_in_newest_format) {
                return Err(VaultError::Integrity(
                    "the audit trail of the installation is gone",
                ));
            }
        }
        Ok(())
    }

    /// Records the state of the root keys again, before the events that recorded it are pruned; or
    /// that the state of every organization is recorded.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if the root keys are not those in the trail, or an error of the
    /// store.
    pub(super) async fn attest_root_keys(
        &self,
        caller: &Caller,
        organizations_attested: bool,
    ) -> Result<(), VaultError> {
        let (_, mut recorded, problems) = self.root_keys_with_record().await?;
        if !problems.is_empty() {
            return Err(VaultError::Integrity(ROLLED_BACK));
        }
        recorded.organizations_attested |= organizations_attested;
        let event = Event::by(caller, Action::InstallationAttest, self.now());
        let event = event.with_details(recorded.details());
        Ok(self.store.record(caller.scope(), event).await?)
    }
}

/// Whether `event` has the record format from which on the installation has a trail.
pub(super) fn is_in_newest_format(event: &Event) -> bool {
    let format = event.details.as_ref().and_then(|d| d.get("record_format"));
    format.and_then(|format| format.as_i64()) >= Some(INSTALLATION_TRAIL.into())
}
