//! Recording, flushing and reading of last-used times.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::caller::{Actor, Caller, OrgScope, Permission};
use crate::error::VaultError;
use crate::ids::{CredentialId, KeyId, OrgId};
use crate::last_used::{LastUsed, LastUsedTimes};
use crate::vault::Vault;
use crate::vault::last_used_buffer::{MAX_WAITING, Noted};

/// The entries of a running flush. If the flush fails or is canceled, they return to the buffer.
struct Taken<'a> {
    vault: &'a Vault,
    noted: Noted,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.vault.note_again(std::mem::take(&mut self.noted));
    }
}

impl Vault {
    /// Records that `caller` revealed or changed the credential `id`.
    pub(super) fn note_used(&self, caller: &Caller, id: CredentialId) {
        let by = match caller.actor() {
            Actor::Key(key, _) => Some(key),
            Actor::Anonymous | Actor::Operator => None,
        };
        let last = LastUsed { at: self.now(), by };
        if !self.uses.lock().credential((caller.org(), id), last) {
            self.counters.last_used_dropped.add(1);
        }
    }

    /// Records that the API key `id` authenticated a request.
    pub(super) fn note_key_used(&self, org: OrgId, id: KeyId) {
        if !self.uses.lock().key((org, id), self.now()) {
            self.counters.last_used_dropped.add(1);
        }
    }

    /// The fill level of the buffer that [`Self::flush_last_used`] empties, from 0 to 1.
    #[must_use]
    pub fn waiting_last_used(&self) -> f64 {
        self.uses.lock().len() as f64 / MAX_WAITING as f64
    }

    /// Stores the last-used times since the last flush. After a failure they are kept for the next
    /// flush.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn flush_last_used(&self) -> Result<(), VaultError> {
        let mut taken = Taken {
            vault: self,
            noted: std::mem::take(&mut *self.uses.lock()),
        };
        let noted = &taken.noted;
        if noted.len() == 0 {
            return Ok(());
        }
        let uses = LastUsedTimes {
            credentials: noted
                .credentials
                .iter()
                .map(|((org, id), last)| (OrgScope::new(*org), *id, *last))
                .collect(),
            keys: noted
                .keys
                .iter()
                .map(|((org, id), at)| (OrgScope::new(*org), *id, *at))
                .collect(),
        };
        self.store.store_last_used(uses).await?;
        taken.noted = Noted::default();
        Ok(())
    }

    fn note_again(&self, noted: Noted) {
        let mut log = self.uses.lock();
        let mut dropped = 0;
        for (id, last) in noted.credentials {
            dropped += u64::from(!log.credential(id, last));
        }
        for (id, at) in noted.keys {
            dropped += u64::from(!log.key(id, at));
        }
        self.counters.last_used_dropped.add(dropped);
    }

    /// The last-used times of the API keys of the caller's organization. Keys that were never used
    /// are omitted. The times lag by at most the servers' flush interval.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or an error of the store.
    pub async fn keys_last_used(
        &self,
        caller: &Caller,
    ) -> Result<HashMap<KeyId, DateTime<Utc>>, VaultError> {
        caller.require(Permission::ManageOrganization)?;
        Ok(self.store.keys_last_used(caller.scope()).await?)
    }
}
