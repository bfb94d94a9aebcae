//! Who a caller is, and whether it may do what it asks for.

use std::sync::Arc;

use tracing::Instrument;

use crate::api_key::{ApiKeyToken, StoredApiKey};
use crate::audit::event::{Action, Event, Outcome};
use crate::caller::{Caller, Permission, RequestInfo};
use crate::error::VaultError;
use crate::trace::TRACE;
use crate::vault::Vault;

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
        self.note_key_used(key.org, key.id);
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
        let lookup = self.keys.begin_lookup();
        let key = self.store.api_key(token.scope(), token.id()).await;
        let key = self.logged(token.org(), key.map_err(VaultError::from))?;
        let key = key.map(Arc::new);
        self.keys.insert(id, lookup, key.clone());
        Ok(key)
    }
}
