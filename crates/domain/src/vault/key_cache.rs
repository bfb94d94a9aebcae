//! The cache of looked-up API keys.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use moka::sync::Cache;
use uuid::Uuid;

use crate::api_key::StoredApiKey;
use crate::ids::{KeyId, OrgId};

/// How long a looked-up key may be used without hearing from the database that no key has changed since: the bound on
/// how long a revoked key still works on a server that lost its notifications.
const KEY_LIFETIME: Duration = Duration::from_secs(4);
/// How long a looked-up key is kept at most.
const KEY_KEPT: Duration = Duration::from_secs(60);
/// How often a revoked key's use is noted, at most, per key and server.
const REFUSALS_NOTED_EVERY: Duration = Duration::from_secs(60);
/// Most keys kept, known and unknown ids together.
const MAX_CACHED_KEYS: u64 = 100_000;

/// Looked-up API keys, also the ids that do not exist: both must cost the same.
pub(super) struct KeyCache {
    entries: Cache<(OrgId, KeyId), Entry>,
    refused: Cache<(OrgId, KeyId), ()>,
    epoch: AtomicU64,
    confirmed: Mutex<Option<Uuid>>,
    /// When it was last asked whether a key has changed, if none had.
    confirmed_at: AtomicU64,
    /// What times are counted from.
    start: Instant,
}

#[derive(Clone)]
pub(crate) struct Entry {
    // An entry read before the last revocation but stored after it bears an old epoch, and is ignored.
    epoch: u64,
    /// In milliseconds: when it was asked for.
    at: u64,
    key: Option<Arc<StoredApiKey>>,
}

/// When a key's lookup began, and in which epoch of the cache.
pub(super) struct KeyLookup {
    epoch: u64,
    at: u64,
}

impl KeyCache {
    pub(super) fn new() -> Self {
        Self {
            entries: Cache::builder()
                .max_capacity(MAX_CACHED_KEYS)
                .time_to_live(KEY_KEPT)
                .build(),
            refused: Cache::builder()
                .max_capacity(MAX_CACHED_KEYS)
                .time_to_live(REFUSALS_NOTED_EVERY)
                .build(),
            epoch: AtomicU64::new(0),
            confirmed: Mutex::new(None),
            confirmed_at: AtomicU64::new(0),
            start: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// What is known of a key, unless that is too old. That an id does not exist is no change that anybody would be told
    /// of, and is asked again.
    pub(crate) fn known(&self, id: (OrgId, KeyId)) -> Option<Option<Arc<StoredApiKey>>> {
        let entry = self.entries.get(&id)?;
        let fresh = match &entry.key {
            Some(_) => entry.at.max(self.confirmed_at.load(Ordering::SeqCst)),
            None => entry.at,
        };
        let young = u128::from(self.now().saturating_sub(fresh)) < KEY_LIFETIME.as_millis();
        (young && entry.epoch == self.epoch.load(Ordering::SeqCst)).then_some(entry.key)
    }

    /// The database was asked `at` this time for the epoch of its keys. Whether that is the one of before.
    pub(super) fn confirm(&self, epoch: Uuid, at: u64) -> bool {
        let mut confirmed = self
            .confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let same = confirmed.replace(epoch) == Some(epoch);
        if same {
            self.confirmed_at.store(at, Ordering::SeqCst);
        }
        same
    }

    /// Notes the epoch and time before the database is asked for a key.
    pub(super) fn begin_lookup(&self) -> KeyLookup {
        KeyLookup {
            epoch: self.epoch.load(Ordering::SeqCst),
            at: self.now(),
        }
    }

    /// Stores what the database answered to `lookup`: the key, or that there is none.
    pub(super) fn insert(
        &self,
        id: (OrgId, KeyId),
        lookup: KeyLookup,
        key: Option<Arc<StoredApiKey>>,
    ) {
        let KeyLookup { epoch, at } = lookup;
        self.entries.insert(id, Entry { epoch, at, key });
    }

    /// Whether this is the first request in a minute that names the revoked key.
    pub(super) fn first_refusal(&self, org: OrgId, id: KeyId) -> bool {
        let entry = self.refused.entry((org, id)).or_insert(());
        entry.is_fresh()
    }

    pub(super) fn clear(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.entries.invalidate_all();
    }
}
