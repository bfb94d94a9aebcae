//! What was read of credentials a moment ago, so that a busy one is not read for each request.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
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

/// The number of recent requests that are remembered, at most.
const RECENT: usize = 65_536;

/// Entries by organization and credential.
pub(super) struct RowCache<T> {
    entries: Cache<(OrgId, CredentialId), Arc<T>>,
    /// Digests of credentials that were requested recently, each at the place that it gives.
    recent: Box<[AtomicU32]>,
    digests: RandomState,
}

impl<T: Cached> RowCache<T> {
    pub(super) fn new() -> Self {
        let weight = |entry: &Arc<T>| u32::try_from(entry.bytes() + ENTRY_BYTES);
        let cache = Cache::builder()
            .weigher(move |_, entry: &Arc<T>| weight(entry).unwrap_or(u32::MAX))
            .max_capacity(MAX_BYTES)
            .time_to_live(LIFETIME);
        Self {
            entries: cache.build(),
            recent: (0..RECENT).map(|_| AtomicU32::new(0)).collect(),
            digests: RandomState::new(),
        }
    }

    /// Notes a request, and returns whether it is, probably, not the first one lately. Credentials
    /// that are requested once are not worth their memory, nor the time to insert and evict them.
    pub(super) fn is_requested_again(&self, org: OrgId, id: CredentialId) -> bool {
        let [place, digest] = split(self.digests.hash_one((org, id)));
        self.recent[place as usize % RECENT].swap(digest, Ordering::Relaxed) == digest
    }

    pub(super) fn get(&self, org: OrgId, id: CredentialId) -> Option<Arc<T>> {
        self.entries.get(&(org, id))
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
        self.entries.invalidate(&(org, id));
    }

    pub(super) fn insert(&self, org: OrgId, id: CredentialId, entry: Arc<T>) {
        self.entries.insert((org, id), entry);
    }
}

/// The halves of a digest.
fn split(digest: u64) -> [u32; 2] {
    [(digest >> 32) as u32, digest as u32]
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    impl Cached for u8 {
        fn bytes(&self) -> usize {
            1
        }
    }

    #[test]
    fn only_a_second_request_is_one_again() {
        let cache = RowCache::<u8>::new();
        let (org, id) = (OrgId(Uuid::from_u128(1)), CredentialId(Uuid::from_u128(2)));
        assert!(!cache.is_requested_again(org, id));
        assert!(cache.is_requested_again(org, id));
        assert!(!cache.is_requested_again(OrgId(Uuid::from_u128(3)), id));
    }

    #[test]
    fn only_the_entry_that_is_meant_is_removed() {
        let cache = RowCache::new();
        let (org, id) = (OrgId(Uuid::nil()), CredentialId(Uuid::nil()));
        let (old, new) = (Arc::new(1_u8), Arc::new(2_u8));
        cache.insert(org, id, old.clone());
        cache.insert(org, id, new.clone());
        cache.remove(org, id, &old);
        assert_eq!(cache.get(org, id).as_deref(), Some(&2));
        cache.remove(org, id, &new);
        assert_eq!(cache.get(org, id), None);
    }
}
