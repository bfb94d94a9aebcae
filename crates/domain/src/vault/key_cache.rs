//! Caches of what authentication looks up: API keys, OAuth 2.0 clients, access tokens, and
//! ancestors of organizations.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::ancestor::AncestorStatus;
use crate::api_key::StoredApiKey;
use crate::ids::{KeyId, OrgId};
use crate::log_throttle::LogThrottle;
use crate::oauth::client::StoredClient;
use crate::oauth::token::StoredToken;

/// The time during which a cached key is valid without a confirmation by the database that no key
/// has changed. It bounds the time during which a revoked key works on a server that lost its
/// notifications.
const KEY_LIFETIME: Duration = Duration::from_secs(4);
/// The maximum age of an entry.
const MAX_ENTRY_AGE: Duration = Duration::from_secs(60);
/// The minimum interval between two records of a revoked key's use, per key and server.
const REVOKED_USE_INTERVAL: Duration = Duration::from_secs(60);
/// The maximum number of entries of each cache.
const MAX_CACHED_KEYS: u64 = 100_000;

/// The caches of what authentication looks up. They are confirmed, and cleared, together.
pub(super) struct KeyCache {
    keys: Cache<(OrgId, KeyId), Entry<Arc<StoredApiKey>>>,
    clients: Cache<(OrgId, KeyId), Entry<Arc<StoredClient>>>,
    tokens: Cache<(OrgId, KeyId), Entry<Arc<StoredToken>>>,
    /// By organization and possible ancestor.
    ancestors: Cache<(OrgId, OrgId), Entry<AncestorStatus>>,
    revoked_uses: LogThrottle<(OrgId, KeyId)>,
    epoch: AtomicU64,
    confirmed_epoch: Mutex<Option<Uuid>>,
    /// The time of the last query that found no change, in milliseconds since `start`.
    confirmed_at: AtomicU64,
    /// The origin of times.
    start: Instant,
}

#[derive(Clone)]
struct Entry<V> {
    // An entry that was read before the last revocation but inserted after it has an old epoch, and
    // is ignored.
    epoch: u64,
    /// The time of the query, in milliseconds since `start`.
    at: u64,
    value: V,
}

/// The time and epoch at the start of a lookup.
pub(super) struct KeyLookup {
    epoch: u64,
    at: u64,
}

impl KeyCache {
    pub(super) fn new() -> Self {
        Self {
            keys: cache(),
            clients: cache(),
            tokens: cache(),
            ancestors: cache(),
            revoked_uses: LogThrottle::new(REVOKED_USE_INTERVAL, MAX_CACHED_KEYS),
            epoch: AtomicU64::new(0),
            confirmed_epoch: Mutex::new(None),
            confirmed_at: AtomicU64::new(0),
            start: Instant::now(),
        }
    }

    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The cached key, if it is still valid.
    pub(super) fn key(&self, id: (OrgId, KeyId)) -> Option<Arc<StoredApiKey>> {
        self.valid(self.keys.get(&id)?)
    }

    /// The cached client, if it is still valid.
    pub(super) fn client(&self, id: (OrgId, KeyId)) -> Option<Arc<StoredClient>> {
        self.valid(self.clients.get(&id)?)
    }

    /// The cached access token, if it is still valid.
    pub(super) fn token(&self, id: (OrgId, KeyId)) -> Option<Arc<StoredToken>> {
        self.valid(self.tokens.get(&id)?)
    }

    /// The cached status of `ancestor` for `org`, if it is still valid.
    pub(super) fn ancestor(&self, org: OrgId, ancestor: OrgId) -> Option<AncestorStatus> {
        self.valid(self.ancestors.get(&(org, ancestor))?)
    }

    fn valid<V>(&self, entry: Entry<V>) -> Option<V> {
        let fresh = entry.at.max(self.confirmed_at.load(Ordering::SeqCst));
        let young = u128::from(self.now().saturating_sub(fresh)) < KEY_LIFETIME.as_millis();
        (young && entry.epoch == self.epoch.load(Ordering::SeqCst)).then_some(entry.value)
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

    /// Captures the epoch and time before a query.
    pub(super) fn begin_lookup(&self) -> KeyLookup {
        KeyLookup {
            epoch: self.epoch.load(Ordering::SeqCst),
            at: self.now(),
        }
    }

    /// Inserts the key that `lookup` found.
    pub(super) fn insert_key(&self, lookup: KeyLookup, key: Arc<StoredApiKey>) {
        self.keys.insert((key.org, key.id), lookup.entry(key));
    }

    /// Inserts the client that `lookup` found.
    pub(super) fn insert_client(&self, lookup: KeyLookup, client: Arc<StoredClient>) {
        let id = (client.org, client.id);
        self.clients.insert(id, lookup.entry(client));
    }

    /// Inserts the access token that `lookup` found.
    pub(super) fn insert_token(&self, lookup: KeyLookup, token: Arc<StoredToken>) {
        let id = (token.org, token.id);
        self.tokens.insert(id, lookup.entry(token));
    }

    /// Inserts the status that `lookup` found.
    pub(super) fn insert_ancestor(
        &self,
        lookup: KeyLookup,
        (org, ancestor): (OrgId, OrgId),
        status: AncestorStatus,
    ) {
        self.ancestors.insert((org, ancestor), lookup.entry(status));
    }

    /// Whether to record this use of a revoked key.
    pub(super) fn permits_revoked_use_record(&self, org: OrgId, id: KeyId) -> bool {
        self.revoked_uses.permits((org, id))
    }

    pub(super) fn clear(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.keys.invalidate_all();
        self.clients.invalidate_all();
        self.tokens.invalidate_all();
        self.ancestors.invalidate_all();
    }
}

impl KeyLookup {
    fn entry<V>(self, value: V) -> Entry<V> {
        let Self { epoch, at } = self;
        Entry { epoch, at, value }
    }
}

fn cache<K: Hash + Eq + Send + Sync + 'static, V: Clone + Send + Sync + 'static>() -> Cache<K, V> {
    Cache::builder()
        .max_capacity(MAX_CACHED_KEYS)
        .time_to_live(MAX_ENTRY_AGE)
        .build()
}
