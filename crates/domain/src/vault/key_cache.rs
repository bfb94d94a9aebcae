//! The cache of API keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::api_key::StoredApiKey;
use crate::ids::{KeyId, OrgId};
use crate::log_throttle::LogThrottle;

/// The time during which a cached key is valid without a confirmation by the database that no key
/// has changed. It bounds the time during which a revoked key works on a server that lost its
/// notifications.
const KEY_LIFETIME: Duration = Duration::from_secs(4);
/// The maximum age of an entry.
const MAX_ENTRY_AGE: Duration = Duration::from_secs(60);
/// The minimum interval between two records of a revoked key's use, per key and server.
const REVOKED_USE_INTERVAL: Duration = Duration::from_secs(60);
/// The maximum number of entries.
const MAX_CACHED_KEYS: u64 = 100_000;

/// A cache of API keys.
pub(super) struct KeyCache {
    entries: Cache<(OrgId, KeyId), Entry>,
    revoked_uses: LogThrottle<(OrgId, KeyId)>,
    epoch: AtomicU64,
    confirmed_epoch: Mutex<Option<Uuid>>,
    /// The time of the last query that found no change, in milliseconds since `start`.
    confirmed_at: AtomicU64,
    /// The origin of times.
    start: Instant,
}

#[derive(Clone)]
pub(crate) struct Entry {
    // An entry that was read before the last revocation but inserted after it has an old epoch, and
    // is ignored.
    epoch: u64,
    /// The time of the query, in milliseconds since `start`.
    at: u64,
    key: Arc<StoredApiKey>,
}

/// The time and epoch at the start of a lookup.
pub(super) struct KeyLookup {
    epoch: u64,
    at: u64,
}

impl KeyCache {
    pub(super) fn new() -> Self {
        Self {
            entries: Cache::builder()
                .max_capacity(MAX_CACHED_KEYS)
                .time_to_live(MAX_ENTRY_AGE)
                .build(),
            revoked_uses: LogThrottle::new(REVOKED_USE_INTERVAL, MAX_CACHED_KEYS),
            epoch: AtomicU64::new(0),
            confirmed_epoch: Mutex::new(None),
            confirmed_at: AtomicU64::new(0),
            start: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The cached key, if it is still valid.
    pub(crate) fn get(&self, id: (OrgId, KeyId)) -> Option<Arc<StoredApiKey>> {
        let entry = self.entries.get(&id)?;
        let fresh = entry.at.max(self.confirmed_at.load(Ordering::SeqCst));
        let young = u128::from(self.now().saturating_sub(fresh)) < KEY_LIFETIME.as_millis();
        (young && entry.epoch == self.epoch.load(Ordering::SeqCst)).then_some(entry.key)
    }

    /// Handles the key epoch that the database returned for a query at the time `at`. Returns
    /// whether the epoch is unchanged.
    pub(super) fn confirm(&self, epoch: Uuid, at: u64) -> bool {
        let mut confirmed = self.confirmed_epoch.lock();
        let same = confirmed.replace(epoch) == Some(epoch);
        if same {
            self.confirmed_at.store(at, Ordering::SeqCst);
        }
        same
    }

    /// Captures the epoch and time before a query for a key.
    pub(super) fn begin_lookup(&self) -> KeyLookup {
        KeyLookup {
            epoch: self.epoch.load(Ordering::SeqCst),
            at: self.now(),
        }
    }

    /// Inserts the result of `lookup`.
    pub(super) fn insert(&self, lookup: KeyLookup, key: Arc<StoredApiKey>) {
        let KeyLookup { epoch, at } = lookup;
        let id = (key.org, key.id);
        self.entries.insert(id, Entry { epoch, at, key });
    }

    /// Whether to record this use of a revoked key.
    pub(super) fn permits_revoked_use_record(&self, org: OrgId, id: KeyId) -> bool {
        self.revoked_uses.permits((org, id))
    }

    pub(super) fn clear(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.entries.invalidate_all();
    }
}
