//! Recording, flushing and reading of last-used times.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::caller::{Actor, Caller, OrgScope};
use crate::error::VaultError;
use crate::ids::{CredentialId, KeyId, OrgId};
use crate::last_used::{LastUsed, LastUsedTimes, MAX_ENTRIES};
use crate::permission::Permission;
use crate::vault::Vault;

/// The last-used times of a running flush. If the flush fails or is canceled, they return to the
/// buffer.
struct Flush<'a> {
    vault: &'a Vault,
    uses: LastUsedTimes,
}

impl Drop for Flush<'_> {
    fn drop(&mut self) {
        self.vault.put_back(std::mem::take(&mut self.uses));
    }
}

impl Vault {
    /// Records that `caller` revealed, used or changed the credential `id`.
    pub(super) fn record_used(&self, caller: &Caller, id: CredentialId) {
        let by = match caller.actor() {
            Actor::Key(key) | Actor::Client(key) => Some(key),
            Actor::Anonymous | Actor::Operator => None,
        };
        let last = LastUsed { at: self.now(), by };
        let known = self.last_used.lock().credential((caller.scope(), id), last);
        if !known {
            self.counters.last_used_dropped.add(1);
        }
        if let Some(known) = self.known_credentials.get(caller.org(), id) {
            known.used(last);
        }
    }

    /// Records that the API key or OAuth 2.0 client `id` authenticated a request.
    pub(super) fn record_key_used(&self, org: OrgId, id: KeyId) {
        let at = self.now();
        if !self.last_used.lock().key((OrgScope::new(org), id), at) {
            self.counters.last_used_dropped.add(1);
        }
    }

    /// The fill level of the buffer that [`Self::flush_last_used`] empties, from 0 to 1.
    #[must_use]
    pub fn last_used_fill_level(&self) -> f64 {
        self.last_used.lock().len() as f64 / MAX_ENTRIES as f64
    }

    /// Stores the last-used times since the last flush. After a failure they are kept for the next
    /// flush.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn flush_last_used(&self) -> Result<(), VaultError> {
        let mut flush = Flush {
            vault: self,
            uses: std::mem::take(&mut *self.last_used.lock()),
        };
        if flush.uses.is_empty() {
            return Ok(());
        }
        self.store.store_last_used(&flush.uses).await?;
        flush.uses = LastUsedTimes::default();
        Ok(())
    }

    fn put_back(&self, uses: LastUsedTimes) {
        let mut buffer = self.last_used.lock();
        let mut dropped = 0;
        for (id, last) in uses.credentials {
            dropped += u64::from(!buffer.credential(id, last));
        }
        for (id, at) in uses.keys {
            dropped += u64::from(!buffer.key(id, at));
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
        caller.require(Permission::KeysManage)?;
        Ok(self.store.keys_last_used(caller.scope()).await?)
    }
}
