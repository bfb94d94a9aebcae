//! What was read of credentials a moment ago, so that a busy one is not read for each request.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::ids::{CredentialId, OrgId};

/// The time for which an entry is used. The record of each request compares the stamps of the rows,
/// so that this bounds only the memory, and the age of last-used times of other servers.
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

    pub(super) fn insert(&self, org: OrgId, id: CredentialId, entry: Arc<T>) {
        self.0.insert((org, id), entry);
    }
}
