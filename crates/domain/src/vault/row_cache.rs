//! What was read of credentials a moment ago, so that a busy one is not read for each request.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::ids::{CredentialId, OrgId};

/// The time for which an entry is used. The record of each request compares the stamps of the
/// rows, so that this only bounds how long a change of the audit trail by SQL, or a use by another
/// server, may go unnoticed.
const LIFETIME: Duration = Duration::from_secs(60);
/// Most bytes of all entries.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of an entry beside its own.
const ENTRY_BYTES: usize = 1024;

/// An entry of the cache.
pub(super) trait Cached: Send + Sync + 'static {
    /// Its bytes: those of values whose sizes differ.
    fn bytes(&self) -> usize;
}

/// Entries by organization and credential.
pub(super) struct RowCache<T>(Cache<(OrgId, CredentialId), Arc<T>>);

impl<T: Cached> RowCache<T> {
    pub(super) fn new() -> Self {
        let weight = |entry: &Arc<T>| u32::try_from(entry.bytes() + ENTRY_BYTES);
        let cache = Cache::builder()
            .weigher(move |_, entry: &Arc<T>| weight(entry).unwrap_or(u32::MAX))
            .max_capacity(MAX_BYTES)
            .time_to_live(LIFETIME);
        Self(cache.build())
    }

    pub(super) fn get(&self, org: OrgId, id: CredentialId) -> Option<Arc<T>> {
        self.0.get(&(org, id))
    }

    /// Removes `entry`, unless another one has replaced it.
    pub(super) fn remove(&self, org: OrgId, id: CredentialId, entry: &Arc<T>) {
        if self
            .get(org, id)
            .is_some_and(|now| Arc::ptr_eq(&now, entry))
        {
            self.forget(org, id);
        }
    }

    /// Removes what there is of a credential.
    pub(super) fn forget(&self, org: OrgId, id: CredentialId) {
        self.0.invalidate(&(org, id));
    }

    pub(super) fn insert(&self, org: OrgId, id: CredentialId, entry: Arc<T>) {
        self.0.insert((org, id), entry);
    }
}
