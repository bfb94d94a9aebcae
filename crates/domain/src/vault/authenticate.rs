use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use moka::sync::Cache;
use tracing::Instrument;
use uuid::Uuid;

use super::Vault;
use crate::api_key::{ApiKeyToken, StoredApiKey};
use crate::audit::{Action, Event, Outcome};
use crate::caller::{Caller, Permission, RequestInfo};
use crate::trace::TRACE;
use crate::{KeyId, OrgId, VaultError};

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
struct Entry {
    // An entry read before the last revocation but stored after it bears an old epoch, and is ignored.
    epoch: u64,
    /// In milliseconds: when it was asked for.
    at: u64,
    key: Option<Arc<StoredApiKey>>,
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

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// What is known of a key, unless that is too old. That an id does not exist is no change that anybody would be told
    /// of, and is asked again.
    fn known(&self, id: (OrgId, KeyId)) -> Option<Option<Arc<StoredApiKey>>> {
        let entry = self.entries.get(&id)?;
        let fresh = match &entry.key {
            Some(_) => entry.at.max(self.confirmed_at.load(Ordering::SeqCst)),
            None => entry.at,
        };
        let young = u128::from(self.now().saturating_sub(fresh)) < KEY_LIFETIME.as_millis();
        (young && entry.epoch == self.epoch.load(Ordering::SeqCst)).then_some(entry.key)
    }

    /// The database was asked `at` this time for the epoch of its keys. Whether that is the one of before.
    fn confirm(&self, epoch: Uuid, at: u64) -> bool {
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

    /// Whether this is the first request in a minute that names the revoked key.
    fn first_refusal(&self, org: OrgId, id: KeyId) -> bool {
        let entry = self.refused.entry((org, id)).or_insert(());
        entry.is_fresh()
    }

    fn clear(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.entries.invalidate_all();
    }
}

impl Vault {
    /// Who holds the API key `presented`.
    ///
    /// # Errors
    /// [`VaultError::Unauthorized`] for every way in which it is no valid key, and
    /// [`VaultError::Unavailable`] when that cannot be told now.
    pub async fn authenticate(
        &self,
        presented: &str,
        request: RequestInfo,
    ) -> Result<Caller, VaultError> {
        let span = tracing::info_span!(target: TRACE, "auth");
        let identified = self.identify(presented, request).instrument(span).await;
        self.counters.authentications.note(identified)
    }

    async fn identify(&self, presented: &str, request: RequestInfo) -> Result<Caller, VaultError> {
        let token = ApiKeyToken::parse(presented).ok_or(VaultError::Unauthorized)?;
        let Some(key) = self.look_up(&token).await? else {
            token.match_nothing(&self.service.api_key);
            return Err(VaultError::Unauthorized);
        };
        let genuine = token.matches(&self.service.api_key, &key);
        let expired = key.expires_at.is_some_and(|at| at <= self.now());
        if key.revoked_at.is_some() {
            self.note_revoked(&key, request);
            return Err(VaultError::Unauthorized);
        }
        if !genuine {
            return Err(VaultError::Unauthorized);
        }
        let caller = Caller::key(key.org, key.id, key.role, request);
        if expired {
            self.note_refused(&caller);
            return Err(VaultError::Unauthorized);
        }
        self.note_key_use(key.org, key.id);
        Ok(caller)
    }

    /// Whether looking up `presented` is worth a query even while its sender's address has sent too many wrong
    /// keys: its id is one that was issued here, or it was looked up in the last minute and is right. Asks nobody.
    #[must_use]
    pub fn recognizes(&self, presented: &str) -> bool {
        let Some(token) = ApiKeyToken::parse(presented) else {
            return false;
        };
        if token.id().was_issued(&self.service.api_key, token.org()) {
            return true;
        }
        let known = self.keys.known((token.org(), token.id())).flatten();
        known.is_some_and(|key| token.matches(&self.service.api_key, &key))
    }

    /// The caller without an API key, where the operator allows one.
    ///
    /// # Errors
    /// [`VaultError::Unauthorized`] when none is allowed, or the organization is deleted.
    pub async fn anonymous(&self, request: RequestInfo) -> Result<Caller, VaultError> {
        let span = tracing::info_span!(target: TRACE, "auth");
        let identified = self.without_key(request).instrument(span).await;
        self.counters.authentications.note(identified)
    }

    async fn without_key(&self, request: RequestInfo) -> Result<Caller, VaultError> {
        let org = self
            .settings
            .anonymous_org
            .ok_or(VaultError::Unauthorized)?;
        let caller = Caller::anonymous(org, request);
        match self.require_organization(&caller).await {
            Err(VaultError::NotFound) => Err(VaultError::Unauthorized),
            other => other.map(|()| caller),
        }
    }

    /// Checks that `caller` may do `permission`, and records it when not.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] when not; [`VaultError::Unavailable`] when that could not be recorded.
    pub async fn authorize(
        &self,
        caller: &Caller,
        permission: Permission,
    ) -> Result<(), VaultError> {
        let Err(denied) = caller.require(permission) else {
            return Ok(());
        };
        let event = Event::by(caller, Action::RequestDenied, self.now());
        let event = event.with_outcome(Outcome::Denied);
        self.store.record(caller.scope(), event).await?;
        Err(denied)
    }

    /// Notes in the trail of `caller`'s own organization that its request was refused before anything was
    /// looked at: its key is genuine, but has ended or belongs to another organization than the request names.
    ///
    /// Does not wait for the event to be durable. The answer must not take longer than that to an unknown key,
    /// which would tell whoever tries keys that this one is known.
    pub fn note_refused(&self, caller: &Caller) {
        let event = Event::by(caller, Action::RequestDenied, self.now());
        let event = event.with_outcome(Outcome::Denied);
        self.store.record_later(caller.scope(), event);
    }

    // Revoking destroys a key's digest, so nobody can tell any more whether the sender holds the key or only
    // knows its id: the event names the key, and nobody as the actor. Since whoever knows the id can cause it,
    // it is noted once a minute.
    fn note_revoked(&self, key: &StoredApiKey, request: RequestInfo) {
        if !self.keys.first_refusal(key.org, key.id) {
            return;
        }
        let caller = Caller::anonymous(key.org, request);
        let event = Event::by(&caller, Action::RequestDenied, self.now());
        let event = event.about_key(key.id).with_outcome(Outcome::Denied);
        self.store.record_later(caller.scope(), event);
    }

    /// Forgets every looked-up API key and every unwrapped organization key, so that the next use of each asks
    /// the database.
    pub fn forget_keys(&self) {
        self.keys.clear();
        self.org_keys.invalidate_all();
        self.org_keys.run_pending_tasks();
    }

    /// Asks the database whether an API key, an organization or its key has changed since the last time, and forgets
    /// all keys if so: those that were looked up need not be looked up again if not.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn confirm_keys(&self) -> Result<(), VaultError> {
        // Keys whose time is up would stay in the memory of a server that has nothing to do.
        self.org_keys.run_pending_tasks();
        let asked = self.keys.now();
        let epoch = self.store.key_epoch().await?;
        if epoch.is_some_and(|epoch| !self.keys.confirm(epoch, asked)) {
            self.forget_keys();
        }
        Ok(())
    }

    async fn look_up(&self, token: &ApiKeyToken) -> Result<Option<Arc<StoredApiKey>>, VaultError> {
        let id = (token.org(), token.id());
        if let Some(known) = self.keys.known(id) {
            return Ok(known);
        }
        let (epoch, at) = (self.keys.epoch.load(Ordering::SeqCst), self.keys.now());
        let key = self.store.api_key(token.scope(), token.id()).await;
        let key = self.told(token.org(), key.map_err(VaultError::from))?;
        let key = key.map(Arc::new);
        let entry = Entry {
            epoch,
            at,
            key: key.clone(),
        };
        self.keys.entries.insert(id, entry);
        Ok(key)
    }
}
