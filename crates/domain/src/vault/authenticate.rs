//! Authentication and authorization of callers.

use std::sync::Arc;

use serde_json::json;
use tracing::Instrument;

use crate::api_key::refusal::{RefusalReason, RefusedKey};
use crate::api_key::{ApiKeyToken, StoredApiKey};
use crate::audit::details::Details;
use crate::audit::event::{Action, Event, Outcome};
use crate::caller::{Actor, Caller, RequestInfo};
use crate::console_session::SessionToken;
use crate::error::VaultError;
use crate::ids::KeyId;
use crate::oauth::token::AccessToken;
use crate::permission::Permission;
use crate::presented::Presented;
use crate::trace::TRACE;
use crate::vault::Vault;

impl Vault {
    /// Authenticates the caller that presents an API key, an access token, or a client's secret.
    ///
    /// # Errors
    /// [`VaultError::Unauthorized`] or [`VaultError::KeyRefused`] if it is not valid;
    /// [`VaultError::Unavailable`] if it cannot be verified now.
    pub async fn authenticate(
        &self,
        presented: &Presented<'_>,
        request: RequestInfo,
    ) -> Result<Caller, VaultError> {
        let span = tracing::info_span!(target: TRACE, "auth");
        let identify = async {
            match presented {
                Presented::ApiKey(text) => self.identify(text, request).await,
                Presented::Client(credentials) => self.identify_client(credentials, request).await,
                Presented::Token(text) => self.identify_token(text, request).await,
                Presented::Session(text) => self.identify_session(text, request).await,
            }
        };
        let identified = identify.instrument(span).await;
        self.counters.authentications.record(identified)
    }

    async fn identify(&self, presented: &str, request: RequestInfo) -> Result<Caller, VaultError> {
        let token = ApiKeyToken::parse(presented).ok_or(VaultError::Unauthorized)?;
        let (key, genuine) = self.presented_key(&token).await?;
        let key = key.ok_or(VaultError::Unauthorized)?;
        self.admit_key(&key, genuine, request)
    }

    /// The holder of `key`, if the key has not ended. `genuine` says whether its sender proved that
    /// it holds the key.
    pub(super) fn admit_key(
        &self,
        key: &StoredApiKey,
        genuine: bool,
        request: RequestInfo,
    ) -> Result<Caller, VaultError> {
        if key.revocation_undone {
            let why = "an API key's revocation was undone in the database";
            self.log_integrity_failure(key.org, None, &VaultError::Integrity(why));
        }
        if key.revoked_at.is_some() || key.revocation_undone {
            return Err(self.refuse_revoked(key, request));
        }
        let Ok(end) = key.proved_end(&self.service.api_key) else {
            let why = "the scheduled end of an API key was altered in the database";
            self.log_integrity_failure(key.org, None, &VaultError::Integrity(why));
            return Err(self.refuse_revoked(key, request));
        };
        if !genuine {
            return Err(VaultError::Unauthorized);
        }
        let end = [end, key.expires_at].into_iter().flatten().min();
        let caller = Caller::key(key, end, request);
        if end.is_some_and(|at| at <= self.now()) {
            return Err(self.refuse(&caller, RefusalReason::Expired));
        }
        if !caller.limits().accepts(caller.request().address()) {
            return Err(self.refuse(&caller, RefusalReason::Network));
        }
        self.record_key_used(key.org, key.id);
        Ok(caller)
    }

    /// Whether a lookup of `presented` is justified even while its sender's address is blocked
    /// after too many wrong keys: its id was issued by this service, or it was looked up in the
    /// last minute and is correct. Runs no query.
    #[must_use]
    pub fn recognizes(&self, presented: &Presented<'_>) -> bool {
        let issued = |org, id: KeyId| id.was_issued(&self.service.api_key, org);
        match presented {
            Presented::ApiKey(text) => ApiKeyToken::parse(text).is_some_and(|token| {
                issued(token.org(), token.id()) || self.cached_match(&token).is_some()
            }),
            Presented::Client(client) => issued(client.org(), client.id()),
            Presented::Token(text) => {
                AccessToken::parse(text).is_some_and(|token| issued(token.org, token.id))
            }
            Presented::Session(text) => {
                SessionToken::parse(text).is_some_and(|token| issued(token.org, token.id))
            }
        }
    }

    /// Returns the anonymous caller, if the operator allows anonymous access.
    ///
    /// # Errors
    /// [`VaultError::Unauthorized`] if it is not allowed, or if the organization is deleted.
    pub async fn anonymous(&self, request: RequestInfo) -> Result<Caller, VaultError> {
        let span = tracing::info_span!(target: TRACE, "auth");
        let identified = self.authenticate_anonymous(request).instrument(span).await;
        self.counters.authentications.record(identified)
    }

    async fn authenticate_anonymous(&self, request: RequestInfo) -> Result<Caller, VaultError> {
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

    /// Checks that `caller` has `permission`. Records a refusal.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] if it does not; [`VaultError::Unavailable`] if the refusal could
    /// not be recorded.
    pub async fn authorize(
        &self,
        caller: &Caller,
        permission: Permission,
    ) -> Result<(), VaultError> {
        self.permit(caller, caller.require(permission)).await
    }

    /// Checks that `caller` may manage users' keys: with `permission`, or anonymously. Records a
    /// refusal.
    ///
    /// # Errors
    /// As for [`Self::authorize`].
    pub async fn authorize_for_user_keys(
        &self,
        caller: &Caller,
        permission: Permission,
    ) -> Result<(), VaultError> {
        let permitted = caller.require_for_user_keys(permission);
        self.permit(caller, permitted).await
    }

    /// The same result. Records that the caller may not do this, if it is
    /// [`VaultError::Forbidden`].
    pub(super) async fn permit<T>(
        &self,
        caller: &Caller,
        permitted: Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        if let Err(VaultError::Forbidden(_)) = &permitted {
            let event = Event::by(caller, Action::RequestDenied, self.now());
            let event = event.with_outcome(Outcome::Denied);
            self.store.record(caller.scope(), event).await?;
        }
        permitted
    }

    /// Records in the audit trail of `caller`'s organization that its request was refused before it
    /// was processed: the key is genuine, but `reason`. Returns the error.
    ///
    /// Does not wait until the event is durable. Otherwise, the response would take longer than
    /// that to an unknown key, and its duration would reveal that the key is known.
    pub fn refuse(&self, caller: &Caller, reason: RefusalReason) -> VaultError {
        self.record_refusal(caller, None, reason);
        match caller.actor() {
            Actor::Key(id) | Actor::Client(id) => VaultError::KeyRefused(RefusedKey {
                org: caller.home(),
                id,
                reason,
            }),
            Actor::Anonymous | Actor::Operator => VaultError::Unauthorized,
        }
    }

    // Revocation destroys a key's digest, so the sender may hold the key or only know its id. The
    // event therefore names the key, and has no actor. Anyone who knows the id can cause the event,
    // so it is recorded at most once per minute.
    fn refuse_revoked(&self, key: &StoredApiKey, request: RequestInfo) -> VaultError {
        let (org, id, reason) = (key.org, key.id, RefusalReason::Revoked);
        if self.keys.permits_revoked_use_record(org, id) {
            self.record_refusal(&Caller::anonymous(org, request), Some(id), reason);
        }
        VaultError::KeyRefused(RefusedKey { org, id, reason })
    }

    fn record_refusal(&self, caller: &Caller, key: Option<KeyId>, reason: RefusalReason) {
        let details = Details::new([("reason", json!(reason.as_str()))]);
        let mut event = Event::by(caller, Action::RequestDenied, self.now());
        event.key = key;
        let event = event.with_outcome(Outcome::Denied).with_details(details);
        self.store.record_later(caller.scope(), event);
    }

    /// Clears the caches of API keys and of unwrapped organization keys, so that the next use of
    /// each queries the database.
    pub fn forget_keys(&self) {
        self.keys.clear();
        self.org_keys.invalidate_all();
        self.org_keys.run_pending_tasks();
    }

    /// Queries the database for changes of API keys, organizations and their keys since the last
    /// call. If there are any, clears all cached keys; otherwise, cached keys remain valid.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn confirm_keys(&self) -> Result<(), VaultError> {
        // Without this, expired keys would stay in the memory of an idle server.
        self.org_keys.run_pending_tasks();
        let queried_at = self.keys.now();
        let epoch = self.store.key_epoch().await?;
        if epoch.is_some_and(|epoch| !self.keys.confirm(epoch, queried_at)) {
            self.forget_keys();
        }
        Ok(())
    }

    /// The key that `token` names, and whether the token is genuine.
    pub(super) async fn presented_key(
        &self,
        token: &ApiKeyToken,
    ) -> Result<(Option<Arc<StoredApiKey>>, bool), VaultError> {
        match self.cached_match(token) {
            Some(key) => Ok((Some(key), true)),
            None => self.look_up(token).await,
        }
    }

    // A wrong secret is never answered from the cache, so that it takes as long as an unknown id.
    fn cached_match(&self, token: &ApiKeyToken) -> Option<Arc<StoredApiKey>> {
        let key = self.keys.key((token.org(), token.id()));
        let genuine = token.matches(&self.service.api_key, key.as_deref());
        key.filter(|_| genuine)
    }

    // The key, and whether `token` is genuine. Only a genuine one causes further queries.
    async fn look_up(
        &self,
        token: &ApiKeyToken,
    ) -> Result<(Option<Arc<StoredApiKey>>, bool), VaultError> {
        let lookup = self.keys.begin_lookup();
        let key = self.store.api_key(token.scope(), token.id()).await;
        let key = self.log_failure(token.org(), key.map_err(VaultError::from))?;
        let key = key.map(Arc::new);
        let genuine = token.matches(&self.service.api_key, key.as_deref());
        if let Some(key) = key.clone().filter(|_| genuine) {
            if !self.is_live(key.org).await? {
                return Ok((None, false));
            }
            self.keys.insert_key(lookup, key);
        }
        Ok((key, genuine))
    }
}
