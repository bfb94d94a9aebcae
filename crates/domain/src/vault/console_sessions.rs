//! Sessions of the console: beginning, use, end, and removal after their time.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use data_encoding::BASE32_NOPAD;
use serde_json::json;
use strongroom_crypto::SecretString;

use crate::api_key::{ApiKeyToken, StoredApiKey};
use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::caller::{Actor, Caller, OrgScope, RequestInfo};
use crate::console_session::{
    Holder, HolderKind, LONGEST, SEEN_INTERVAL, SessionToken, StoredSession,
};
use crate::error::VaultError;
use crate::ids::{KeyId, OrgId};
use crate::oauth::client::StoredClient;
use crate::permission::Permission;
use crate::ports::console_sessions::ConsoleSessionWrite;
use crate::ports::error::StoreError;
use crate::presented::Presented;
use crate::record_format::CONSOLE;
use crate::vault::Vault;
use crate::vault::key_cache::KeyLookup;

/// The row of a session's key or client, as far as there is one.
enum Found {
    Key(Arc<StoredApiKey>, Option<KeyLookup>),
    Client(Arc<StoredClient>),
    Gone,
}

impl Found {
    fn holder(&self) -> Holder<'_> {
        match self {
            Self::Key(key, _) => Holder::Key(key),
            Self::Client(client) => Holder::Client(client),
            Self::Gone => Holder::Gone,
        }
    }
}

impl Vault {
    /// Begins a session of `caller`, which has just identified itself with `presented`, an API key
    /// or the secret of a client. Returns the text of the session, which is available only at this
    /// time.
    ///
    /// # Errors
    /// [`VaultError::Unauthorized`] for another way to identify oneself, or an error of the store.
    pub async fn begin_console_session(
        &self,
        caller: &Caller,
        presented: &Presented<'_>,
    ) -> Result<SecretString, VaultError> {
        self.require_record_format(CONSOLE)?;
        let (org, now) = (caller.home(), self.now());
        let found = match presented {
            Presented::ApiKey(text) => self.key_of_text(text).await?,
            Presented::Client(client) => self.current_client(org, client.id()).await?.into(),
            Presented::Token(_) | Presented::Session(_) => Found::Gone,
        };
        if matches!(found, Found::Gone) {
            return Err(VaultError::Unauthorized);
        }
        let key = &self.service.api_key;
        let id = KeyId::issue(key, org, now, &*self.random)?;
        let token = SessionToken::generate(org, id, &*self.random)?;
        let row = StoredSession::new(org, id, caller.actor(), now);
        let mut row = row.ok_or(VaultError::Unauthorized)?;
        let digest = token.digest(key, &row, found.holder());
        let digest = digest.map_err(|error| VaultError::Internal(error.to_string()))?;
        row.digest = digest.to_vec();
        let event = Event::by(caller, Action::ConsoleSignIn, now).about_key(id);
        let write = ConsoleSessionWrite::Begin(row);
        let begun = self
            .store
            .write_console_session(caller.scope(), write, event);
        begun.await?;
        Ok(token.to_text())
    }

    /// The token that the forms of the session `text` contain.
    #[must_use]
    pub fn console_form_token(&self, text: &str) -> Option<String> {
        let token = SessionToken::parse(text)?;
        Some(BASE32_NOPAD.encode(&token.form_token(&self.service.api_key)))
    }

    /// Whether `token` is that of the forms of the session `text`.
    #[must_use]
    pub fn is_console_form_token(&self, text: &str, token: &str) -> bool {
        let given = BASE32_NOPAD.decode(token.as_bytes()).unwrap_or_default();
        let session = SessionToken::parse(text);
        session.is_some_and(|session| session.is_form_token(&self.service.api_key, &given))
    }

    /// Ends the caller's session.
    ///
    /// # Errors
    /// An error of the store. A session that has ended is not an error.
    pub async fn end_console_session(&self, caller: &Caller) -> Result<(), VaultError> {
        match caller.session() {
            Some(id) => self.end_session(caller, id, "signed_out").await,
            None => Ok(()),
        }
    }

    /// Ends all sessions of the caller's own key or client. Returns their number.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn end_own_console_sessions(&self, caller: &Caller) -> Result<usize, VaultError> {
        match caller.actor() {
            Actor::Key(id) | Actor::Client(id) => {
                self.end_sessions(&caller.clone().acting_in(caller.home()), id)
                    .await
            }
            Actor::Anonymous | Actor::Operator => Ok(0),
        }
    }

    /// Ends all sessions of an API key or client of the organization in which the caller acts.
    /// Returns their number.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] without `keys:manage`, or an error of the store.
    pub async fn end_console_sessions(
        &self,
        caller: &Caller,
        holder: KeyId,
    ) -> Result<usize, VaultError> {
        let permitted = caller.require(Permission::KeysManage);
        self.permit(caller, permitted).await?;
        self.end_sessions(caller, holder).await
    }

    /// Deletes the sessions of the callers' organizations that can no longer be used.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn forget_console_sessions(&self, callers: &[Caller]) -> Result<(), VaultError> {
        let mut scopes = Vec::with_capacity(callers.len());
        for caller in callers {
            caller.require_operator()?;
            scopes.push(caller.scope());
        }
        let before = self.now() - LONGEST;
        Ok(self.store.forget_console_sessions(&scopes, before).await?)
    }

    pub(super) async fn identify_session(
        &self,
        presented: &str,
        request: RequestInfo,
    ) -> Result<Caller, VaultError> {
        let token = SessionToken::parse(presented).ok_or(VaultError::Unauthorized)?;
        let scope = OrgScope::new(token.org);
        let stored = self.store.console_session(scope, token.id).await;
        let stored = self.log_failure(token.org, stored.map_err(VaultError::from))?;
        let stored = stored.ok_or(VaultError::Unauthorized)?;
        let found = self.holder_of(&stored).await?;
        let genuine = token.matches(&self.service.api_key, &stored, found.holder());
        if genuine && stored.ended {
            let why = "a session of the console that has ended is in the database again";
            self.log_integrity_failure(stored.org, None, &VaultError::Integrity(why));
        }
        let genuine = genuine && stored.began && !stored.ended;
        let caller = self.admit_holder(found, genuine, request).await?;
        let caller = caller.through(stored.id);
        let now = self.now();
        if let Some(end) = stored.end(now) {
            self.end_session(&caller, stored.id, end.as_str()).await?;
            return Err(VaultError::Unauthorized);
        }
        self.see(&stored, now).await?;
        Ok(caller)
    }

    // The row of a key is proved by `genuine` alone, so that it is not cached before.
    async fn admit_holder(
        &self,
        found: Found,
        genuine: bool,
        request: RequestInfo,
    ) -> Result<Caller, VaultError> {
        match found {
            Found::Key(key, lookup) => {
                if let Some(lookup) = lookup.filter(|_| genuine) {
                    if !self.is_live(key.org).await? {
                        return Err(VaultError::Unauthorized);
                    }
                    self.keys.insert_key(lookup, key.clone());
                }
                self.admit_key(&key, genuine, request)
            }
            Found::Client(client) if genuine => {
                self.identified(Caller::client(&client, None, request), &client)
            }
            Found::Client(_) | Found::Gone => Err(VaultError::Unauthorized),
        }
    }

    async fn see(&self, stored: &StoredSession, now: DateTime<Utc>) -> Result<(), VaultError> {
        if now - stored.last_seen_at < SEEN_INTERVAL {
            return Ok(());
        }
        let scope = OrgScope::new(stored.org);
        let seen = self.store.see_console_session(scope, stored.id, now);
        Ok(seen.await?)
    }

    async fn holder_of(&self, stored: &StoredSession) -> Result<Found, VaultError> {
        let (org, id) = (stored.org, stored.holder);
        match stored.holder_kind {
            HolderKind::Key => self.key_of_session(org, id).await,
            HolderKind::Client => Ok(self.current_client(org, id).await?.into()),
        }
    }

    async fn key_of_session(&self, org: OrgId, id: KeyId) -> Result<Found, VaultError> {
        if let Some(key) = self.keys.key((org, id)) {
            return Ok(Found::Key(key, None));
        }
        let lookup = self.keys.begin_lookup();
        let found = self.store.api_key(OrgScope::new(org), id).await;
        let found = self.log_failure(org, found.map_err(VaultError::from))?;
        Ok(found.map_or(Found::Gone, |key| Found::Key(Arc::new(key), Some(lookup))))
    }

    async fn key_of_text(&self, text: &str) -> Result<Found, VaultError> {
        let token = ApiKeyToken::parse(text).ok_or(VaultError::Unauthorized)?;
        let (key, genuine) = self.presented_key(&token).await?;
        let key = key.filter(|_| genuine);
        Ok(key.map_or(Found::Gone, |key| Found::Key(key, None)))
    }

    async fn end_sessions(&self, caller: &Caller, holder: KeyId) -> Result<usize, VaultError> {
        let ids = self
            .store
            .console_sessions_of(caller.scope(), holder)
            .await?;
        for id in &ids {
            self.end_session(caller, *id, "closed").await?;
        }
        Ok(ids.len())
    }

    // Each end is an event, since a row that is put back stays ended by it alone.
    pub(super) async fn end_session(
        &self,
        caller: &Caller,
        id: KeyId,
        reason: &str,
    ) -> Result<(), VaultError> {
        let at_home = caller.session() == Some(id);
        let caller = match at_home {
            true => caller.clone().acting_in(caller.home()),
            false => caller.clone(),
        };
        let event = Event::by(&caller, Action::ConsoleSignOut, self.now()).about_key(id);
        let event = event.with_details(Details::new([("reason", json!(reason))]));
        let write = ConsoleSessionWrite::End(id);
        let ended = self
            .store
            .write_console_session(caller.scope(), write, event);
        match ended.await {
            Ok(()) | Err(StoreError::NotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl From<Option<Arc<StoredClient>>> for Found {
    fn from(client: Option<Arc<StoredClient>>) -> Self {
        client.map_or(Self::Gone, Self::Client)
    }
}
