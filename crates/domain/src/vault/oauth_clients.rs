//! OAuth 2.0 clients: creation, listing, change and end.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use strongroom_crypto::SecretString;

use crate::api_key::limits::{KeyLimits, OrganizationReach};
use crate::audit::event::{Action, Event};
use crate::caller::Caller;
use crate::error::VaultError;
use crate::ids::KeyId;
use crate::oauth::client::{ClientCredentials, StoredClient};
use crate::permission::{Permission, PermissionSet};
use crate::ports::oauth::OauthWrite;
use crate::replication::Level;
use crate::vault::Vault;
use crate::vault::oauth_client_writes::{
    ATTEMPTS, check_grant, check_settings, client_event, contended,
};
use crate::vault::replication::PendingReplication;

/// An OAuth 2.0 client to create.
#[derive(Debug, Clone)]
pub struct NewClient {
    /// The name.
    pub name: String,
    /// Its permissions.
    pub scopes: PermissionSet,
    /// The organizations in which it acts.
    pub organizations: OrganizationReach,
    /// The number of seconds for which its access tokens are valid.
    pub access_token_duration: i64,
}

/// A change of an OAuth 2.0 client. What is absent stays.
#[derive(Debug, Clone, Default)]
pub struct ClientChange {
    /// The name.
    pub name: Option<String>,
    /// Its permissions.
    pub scopes: Option<PermissionSet>,
    /// The number of seconds for which its access tokens are valid.
    pub access_token_duration: Option<i64>,
}

/// An OAuth 2.0 client, and its last use.
#[derive(Debug)]
pub struct ClientInfo {
    /// The client.
    pub client: StoredClient,
    /// When it or one of its tokens last authenticated a request.
    pub last_used: Option<DateTime<Utc>>,
}

/// An OAuth 2.0 client with a new secret, which is available only at this time.
#[derive(Debug)]
pub struct IssuedClient {
    /// The text of the secret.
    pub secret: SecretString,
    /// The client.
    pub client: StoredClient,
}

impl Vault {
    /// Creates an OAuth 2.0 client of the caller's organization.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] also if it would hold more than the caller does,
    /// [`VaultError::Invalid`] on a field, or an error of the store.
    pub async fn create_oauth_client(
        &self,
        caller: &Caller,
        new: NewClient,
        level: Level,
    ) -> Result<PendingReplication<IssuedClient>, VaultError> {
        caller.require(Permission::KeysManage)?;
        check_settings(&new.name, new.scopes, new.access_token_duration)?;
        let limits = KeyLimits {
            organizations: new.organizations,
            ..KeyLimits::of_permissions(new.scopes)
        };
        self.permit(caller, check_grant(caller, &limits)).await?;
        self.require_organization(caller).await?;
        let (key, now) = (&self.service.api_key, self.now());
        let id = KeyId::issue(key, caller.org(), now, &*self.random)?;
        let credentials = ClientCredentials::generate(caller.org(), id, &*self.random)?;
        let client = StoredClient {
            org: caller.org(),
            id,
            name: new.name,
            limits: Arc::new(limits),
            access_token_duration: new.access_token_duration,
            created_at: now,
            version: 1,
            digest: credentials.digest(key).to_vec(),
            proof: Vec::new(),
            recorded_version: None,
            recorded: false,
        };
        let client = self.proved(client)?;
        let event = client_event(caller, Action::OauthClientCreate, &client, now);
        let write = OauthWrite::AddClient(client.clone());
        let written = self.write_client(caller, write, level, event).await?;
        let written = written.ok_or_else(contended)?;
        let secret = credentials.secret_text();
        Ok(written.map(|()| IssuedClient { secret, client }))
    }

    /// Lists the OAuth 2.0 clients of the caller's organization, oldest first. One that is not what
    /// its audit trail says is left out, since it does not work either.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn oauth_clients(&self, caller: &Caller) -> Result<Vec<ClientInfo>, VaultError> {
        let clients = self.store.oauth_clients(caller.scope()).await?;
        let uses = self.store.keys_last_used(caller.scope()).await?;
        let info = |client: StoredClient| ClientInfo {
            last_used: uses.get(&client.id).copied(),
            client,
        };
        let current = clients.into_iter();
        let current = current.filter(|client| self.is_current_client(client));
        Ok(current.map(info).collect())
    }

    /// One OAuth 2.0 client of the caller's organization.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], [`VaultError::Integrity`] if it is not what its audit trail says,
    /// or an error of the store.
    pub async fn oauth_client(&self, caller: &Caller, id: KeyId) -> Result<ClientInfo, VaultError> {
        let client = self.managed_client(caller, id).await?;
        self.with_last_use(caller, client).await
    }

    /// Changes an OAuth 2.0 client of the caller's organization. Its tokens get no permissions that
    /// they were not issued with, and lose those that it loses.
    ///
    /// # Errors
    /// As for [`Self::create_oauth_client`], and [`VaultError::NotFound`].
    pub async fn change_oauth_client(
        &self,
        caller: &Caller,
        id: KeyId,
        change: ClientChange,
        level: Level,
    ) -> Result<PendingReplication<ClientInfo>, VaultError> {
        caller.require(Permission::KeysManage)?;
        let action = Action::OauthClientUpdate;
        let changed = self.replace_client(caller, id, (action, level), |client| {
            let mut limits = KeyLimits::clone(&client.limits);
            if let Some(scopes) = change.scopes {
                let added = scopes.without(limits.permissions);
                limits.permissions = added;
                if !added.is_empty() {
                    check_grant(caller, &limits)?;
                }
                limits.permissions = scopes;
            }
            if let Some(name) = &change.name {
                client.name.clone_from(name);
            }
            if let Some(duration) = change.access_token_duration {
                client.access_token_duration = duration;
            }
            check_settings(
                &client.name,
                limits.permissions,
                client.access_token_duration,
            )?;
            client.limits = Arc::new(limits);
            Ok(())
        });
        let changed = self.permit(caller, changed.await).await?;
        let info = self.with_last_use(caller, changed.value.clone()).await?;
        Ok(changed.map(|_| info))
    }

    /// Replaces the secret of an OAuth 2.0 client of the caller's organization. The old one ends at
    /// once; tokens live on.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] also if the client holds more than the caller does, who gets its
    /// secret; [`VaultError::NotFound`], or an error of the store.
    pub async fn replace_client_secret(
        &self,
        caller: &Caller,
        id: KeyId,
        level: Level,
    ) -> Result<PendingReplication<IssuedClient>, VaultError> {
        caller.require(Permission::KeysManage)?;
        let credentials = ClientCredentials::generate(caller.org(), id, &*self.random)?;
        let digest = credentials.digest(&self.service.api_key).to_vec();
        let action = Action::OauthClientRotateSecret;
        let replaced = self.replace_client(caller, id, (action, level), |client| {
            check_grant(caller, &client.limits)?;
            client.digest.clone_from(&digest);
            Ok(())
        });
        let secret = credentials.secret_text();
        let replaced = self.permit(caller, replaced.await).await?;
        Ok(replaced.map(|client| IssuedClient { secret, client }))
    }

    /// Deletes an OAuth 2.0 client of the caller's organization. It and its tokens end at once.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`], or an error of the store.
    pub async fn delete_oauth_client(
        &self,
        caller: &Caller,
        id: KeyId,
        level: Level,
    ) -> Result<PendingReplication<()>, VaultError> {
        caller.require(Permission::KeysManage)?;
        for _ in 0..ATTEMPTS {
            // Also one that is not what its audit trail says.
            let found = self.store.oauth_client(caller.scope(), id).await?;
            let client = found.ok_or(VaultError::NotFound)?;
            let version = client.recorded_version.max(Some(client.version));
            let version = version.unwrap_or_default() + 1;
            let mut event = Event::by(caller, Action::OauthClientDelete, self.now()).about_key(id);
            event.version = Some(version);
            let write = OauthWrite::EndClient { id, version };
            if let Some(ended) = self.write_client(caller, write, level, event).await? {
                return Ok(ended);
            }
        }
        Err(contended())
    }

    async fn with_last_use(
        &self,
        caller: &Caller,
        client: StoredClient,
    ) -> Result<ClientInfo, VaultError> {
        let uses = self.store.keys_last_used(caller.scope()).await?;
        let last_used = uses.get(&client.id).copied();
        Ok(ClientInfo { client, last_used })
    }
}
