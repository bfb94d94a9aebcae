//! Access tokens: issue, introspection, revocation, and removal after their time.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use strongroom_crypto::SecretString;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::audit::stored::format_time;
use crate::caller::{Actor, Caller};
use crate::error::{Denial, VaultError};
use crate::ids::{KeyId, OrgId};
use crate::oauth::client::client_id;
use crate::oauth::token::{AccessToken, StoredToken};
use crate::permission::PermissionSet;
use crate::ports::error::StoreError;
use crate::ports::oauth::OauthWrite;
use crate::record_format::TENANTS;
use crate::vault::Vault;
use crate::vault::authenticate_client::LiveToken;

/// How long the row of an expired access token is kept.
const KEPT_AFTER_EXPIRY: TimeDelta = TimeDelta::days(1);

/// A new access token. Its text is available only at this time.
#[derive(Debug)]
pub struct IssuedToken {
    /// The text of the token.
    pub text: SecretString,
    /// Its permissions.
    pub scopes: PermissionSet,
    /// The number of seconds for which it is valid.
    pub expires_in: i64,
}

/// What introspection says of an access token that works.
#[derive(Debug)]
pub struct ActiveToken {
    /// The text of its client's id.
    pub client_id: String,
    /// The organization of its client.
    pub org: OrgId,
    /// What it permits now.
    pub scopes: PermissionSet,
    /// The time of issue.
    pub issued_at: DateTime<Utc>,
    /// The time from which it is refused.
    pub expires_at: DateTime<Utc>,
}

impl Vault {
    /// Issues an access token to the client that is the caller, with `scopes`, or with all that the
    /// client has.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] if the client does not have all of `scopes`, or an error of the
    /// store.
    pub async fn issue_access_token(
        &self,
        caller: &Caller,
        scopes: Option<PermissionSet>,
    ) -> Result<IssuedToken, VaultError> {
        let id = require_client(caller)?;
        // Without its event, a token would not count.
        self.require_record_format(TENANTS)?;
        let client = self.current_client(caller.home(), id).await?;
        let client = client.ok_or(VaultError::Unauthorized)?;
        let scopes = scopes.unwrap_or(client.limits.permissions);
        if !client.limits.permissions.covers(scopes) {
            return Err(VaultError::Forbidden(Denial::Grant("scope")));
        }
        let (key, now) = (&self.service.api_key, self.now());
        let id = KeyId::issue(key, client.org, now, &*self.random)?;
        let token = AccessToken::generate(client.org, id, &*self.random)?;
        let mut stored = StoredToken {
            org: client.org,
            id,
            client: client.id,
            scopes,
            issued_at: now,
            expires_at: now + TimeDelta::seconds(client.access_token_duration),
            digest: Vec::new(),
            issued: false,
            revoked: false,
        };
        stored.digest = token.digest(key, &stored).to_vec();
        let details = Details::new([
            ("scopes", json!(scopes)),
            ("expires_at", json!(format_time(stored.expires_at))),
        ]);
        let event = Event::by(caller, Action::TokenIssue, now).about_key(id);
        let event = event.with_details(details);
        let write = OauthWrite::AddToken(stored);
        let scope = caller.scope();
        self.store.write_oauth(scope, write, None, event).await?;
        Ok(IssuedToken {
            text: token.to_text(),
            scopes,
            expires_in: client.access_token_duration,
        })
    }

    /// The state of an access token of the caller's organization; `None` if it does not work, is
    /// another organization's, or does not have all of `scopes`.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] if the caller is no client, or an error of the store.
    pub async fn introspect_access_token(
        &self,
        caller: &Caller,
        token: &str,
        scopes: PermissionSet,
    ) -> Result<Option<ActiveToken>, VaultError> {
        require_client(caller)?;
        let Some(LiveToken { token, client }) = self.own_token(caller, token).await? else {
            return Ok(None);
        };
        let permitted = client.limits.permissions.intersection(token.scopes);
        if token.expires_at <= self.now() || !permitted.covers(scopes) {
            return Ok(None);
        }
        Ok(Some(ActiveToken {
            client_id: client_id(client.org, client.id),
            org: client.org,
            scopes: permitted,
            issued_at: token.issued_at,
            expires_at: token.expires_at,
        }))
    }

    /// Revokes an access token of the client that is the caller on every server. A token that does
    /// not work, or is another client's, is not an error.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] if the caller is no client, or an error of the store.
    pub async fn revoke_access_token(
        &self,
        caller: &Caller,
        token: &str,
    ) -> Result<(), VaultError> {
        let id = require_client(caller)?;
        let live = self.own_token(caller, token).await?;
        let Some(LiveToken { token, .. }) = live.filter(|live| live.client.id == id) else {
            return Ok(());
        };
        let event = Event::by(caller, Action::TokenRevoke, self.now()).about_key(token.id);
        let write = OauthWrite::DeleteToken(token.id);
        let scope = caller.scope();
        match self.store.write_oauth(scope, write, None, event).await {
            Ok(_) | Err(StoreError::NotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes the access tokens of the callers' organizations that have been expired for a day.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn forget_access_tokens(&self, callers: &[Caller]) -> Result<(), VaultError> {
        let mut scopes = Vec::with_capacity(callers.len());
        for caller in callers {
            caller.require_operator()?;
            scopes.push(caller.scope());
        }
        let before = self.now() - KEPT_AFTER_EXPIRY;
        Ok(self.store.forget_access_tokens(&scopes, before).await?)
    }

    async fn own_token(
        &self,
        caller: &Caller,
        text: &str,
    ) -> Result<Option<LiveToken>, VaultError> {
        let token = AccessToken::parse(text).filter(|token| token.org == caller.home());
        match token {
            Some(token) => self.live_token(&token).await,
            None => Ok(None),
        }
    }
}

fn require_client(caller: &Caller) -> Result<KeyId, VaultError> {
    match caller.actor() {
        Actor::Client(id) => Ok(id),
        Actor::Key(_) | Actor::Anonymous | Actor::Operator => Err(VaultError::Unauthorized),
    }
}
