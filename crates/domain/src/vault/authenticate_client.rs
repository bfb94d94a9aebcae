//! Authentication of OAuth 2.0 clients, by their secret or by an access token.

use std::sync::Arc;

use crate::api_key::refusal::RefusalReason;
use crate::caller::{Caller, OrgScope, RequestInfo};
use crate::error::VaultError;
use crate::ids::{KeyId, OrgId};
use crate::oauth::client::{ClientCredentials, StoredClient};
use crate::oauth::token::{AccessToken, StoredToken};
use crate::vault::Vault;
use crate::vault::key_cache::KeyLookup;

/// A genuine access token, and the client to which it was issued.
pub(super) struct LiveToken {
    pub(super) token: Arc<StoredToken>,
    pub(super) client: Arc<StoredClient>,
}

impl Vault {
    pub(super) async fn identify_client(
        &self,
        presented: &ClientCredentials,
        request: RequestInfo,
    ) -> Result<Caller, VaultError> {
        let (key, org, id) = (&self.service.api_key, presented.org(), presented.id());
        let cached = self.keys.client((org, id));
        let client = match presented.matches(key, cached.as_deref()) {
            true => cached,
            // A wrong secret is never answered from the cache, so that it takes as long as an
            // unknown id.
            false => {
                let (lookup, found) = self.look_up_client(org, id).await?;
                let genuine = presented.matches(key, found.as_deref());
                match found.filter(|_| genuine) {
                    Some(client) => self.remembered_client(lookup, client).await?,
                    None => None,
                }
            }
        };
        let client = client.ok_or(VaultError::Unauthorized)?;
        self.identified(Caller::client(&client, None, request), &client)
    }

    pub(super) async fn identify_token(
        &self,
        presented: &str,
        request: RequestInfo,
    ) -> Result<Caller, VaultError> {
        let token = AccessToken::parse(presented).ok_or(VaultError::Unauthorized)?;
        let live = self.live_token(&token).await?;
        let LiveToken { token, client } = live.ok_or(VaultError::Unauthorized)?;
        let caller = Caller::client(&client, Some(&token), request);
        if token.expires_at <= self.now() {
            return Err(self.refuse(&caller, RefusalReason::Expired));
        }
        self.identified(caller, &client)
    }

    /// The row of `token` and its client; `None` if it is not genuine, was revoked, or its client
    /// has ended. It may have expired.
    pub(super) async fn live_token(
        &self,
        token: &AccessToken,
    ) -> Result<Option<LiveToken>, VaultError> {
        let key = &self.service.api_key;
        let cached = self.keys.token((token.org, token.id));
        let stored = match token.matches(key, cached.as_deref()) {
            true => cached,
            false => {
                let found = self.look_up_token(token).await?;
                let genuine = token.matches(key, found.as_deref());
                found.filter(|_| genuine)
            }
        };
        let Some(token) = stored else {
            return Ok(None);
        };
        if token.revoked {
            let why = "an access token that was revoked is in the database again";
            self.log_integrity_failure(token.org, None, &VaultError::Integrity(why));
        }
        // A token ends when the event of its issue is pruned: that of its revocation may be, too.
        if token.revoked || !token.issued {
            return Ok(None);
        }
        let client = self.current_client(token.org, token.client).await?;
        Ok(client.map(|client| LiveToken { token, client }))
    }

    /// The client, unless it has ended.
    pub(super) async fn current_client(
        &self,
        org: OrgId,
        id: KeyId,
    ) -> Result<Option<Arc<StoredClient>>, VaultError> {
        match self.keys.client((org, id)) {
            Some(client) => Ok(Some(client)),
            None => match self.look_up_client(org, id).await? {
                (lookup, Some(client)) => self.remembered_client(lookup, client).await,
                (_, None) => Ok(None),
            },
        }
    }

    /// Whether the row of `client` is the one in the audit trail. Logs that it is not.
    pub(super) fn is_current_client(&self, client: &StoredClient) -> bool {
        let is_current = client.is_current(&self.service.api_key);
        if !is_current {
            let why = "an OAuth 2.0 client is not the one in its audit trail";
            self.log_integrity_failure(client.org, None, &VaultError::Integrity(why));
        }
        is_current
    }

    pub(super) fn identified(
        &self,
        caller: Caller,
        client: &StoredClient,
    ) -> Result<Caller, VaultError> {
        if !caller.limits().accepts(caller.request().address()) {
            return Err(self.refuse(&caller, RefusalReason::Network));
        }
        self.record_key_used(client.org, client.id);
        Ok(caller)
    }

    async fn look_up_client(
        &self,
        org: OrgId,
        id: KeyId,
    ) -> Result<(KeyLookup, Option<Arc<StoredClient>>), VaultError> {
        let lookup = self.keys.begin_lookup();
        let found = self.store.oauth_client(OrgScope::new(org), id).await;
        let found = self.log_failure(org, found.map_err(VaultError::from))?;
        let current = found.filter(|client| self.is_current_client(client));
        Ok((lookup, current.map(Arc::new)))
    }

    // Only after the caller has proved that it is the client, or has a token of it: otherwise, the
    // time of the query would show that the id exists.
    async fn remembered_client(
        &self,
        lookup: KeyLookup,
        client: Arc<StoredClient>,
    ) -> Result<Option<Arc<StoredClient>>, VaultError> {
        if !self.is_live(client.org).await? {
            return Ok(None);
        }
        self.keys.insert_client(lookup, client.clone());
        Ok(Some(client))
    }

    async fn look_up_token(
        &self,
        token: &AccessToken,
    ) -> Result<Option<Arc<StoredToken>>, VaultError> {
        let (org, lookup) = (token.org, self.keys.begin_lookup());
        let found = self.store.access_token(OrgScope::new(org), token.id);
        let found = self.log_failure(org, found.await.map_err(VaultError::from))?;
        let stored = found.map(Arc::new);
        if let Some(stored) = &stored {
            self.keys.insert_token(lookup, stored.clone());
        }
        Ok(stored)
    }
}
