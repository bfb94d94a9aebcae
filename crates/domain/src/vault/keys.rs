//! Creation, listing and revocation of API keys.

use chrono::{DateTime, SubsecRound, Utc};
use serde_json::json;
use strongroom_crypto::SecretString;

use crate::api_key::{ApiKeyToken, StoredApiKey};
use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::audit::stored::format_time;
use crate::caller::{Caller, Permission, Role};
use crate::error::{FieldError, VaultError};
use crate::ids::KeyId;
use crate::organization::check_name;
use crate::vault::Vault;

/// A new API key. Its text is available only at this time.
#[derive(Debug)]
pub struct IssuedApiKey {
    /// The text of the key.
    pub text: SecretString,
    /// The stored row.
    pub stored: StoredApiKey,
}

impl Vault {
    /// Creates an API key for the caller's organization.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::Invalid`] on `name` or `expires`,
    /// [`VaultError::NotFound`] if there is no such organization, or an error of the store.
    pub async fn create_api_key(
        &self,
        caller: &Caller,
        role: Role,
        name: &str,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<IssuedApiKey, VaultError> {
        caller.require(Permission::ManageOrganization)?;
        let now = self.now();
        let expires_at = expires_at.map(|at| at.trunc_subsecs(6));
        check_new_key(name, expires_at, now)?;
        self.require_organization(caller).await?;
        let id = KeyId::issue(&self.service.api_key, caller.org(), now, &*self.random)?;
        let token = ApiKeyToken::generate(caller.org(), id, role, &*self.random)?;
        let stored = StoredApiKey {
            org: caller.org(),
            id,
            role,
            name: name.to_owned(),
            digest: token
                .digest(&self.service.api_key, role, expires_at)
                .to_vec(),
            created_at: now,
            expires_at,
            revoked_at: None,
            revocation_undone: false,
        };
        let details = Details::new([
            ("role", json!(role.as_str())),
            ("expires_at", json!(expires_at.map(format_time))),
        ]);
        let event = Event::by(caller, Action::KeyCreate, now).about_key(id);
        let event = event.with_details(details);
        let scope = caller.scope();
        self.store.add_api_key(scope, stored.clone(), event).await?;
        Ok(IssuedApiKey {
            text: token.to_text(),
            stored,
        })
    }

    /// Lists all API keys of the caller's organization, oldest first, without their secrets.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`] if there is no such organization, or an
    /// error of the store.
    pub async fn api_keys(&self, caller: &Caller) -> Result<Vec<StoredApiKey>, VaultError> {
        caller.require(Permission::ManageOrganization)?;
        self.require_organization(caller).await?;
        Ok(self.store.api_keys(caller.scope()).await?)
    }

    /// Revokes an API key of the caller's organization on every server. Repeating the call is
    /// harmless.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`], or an error of the store.
    pub async fn revoke_api_key(&self, caller: &Caller, id: KeyId) -> Result<(), VaultError> {
        caller.require(Permission::ManageOrganization)?;
        self.require_organization(caller).await?;
        let event = Event::by(caller, Action::KeyRevoke, self.now()).about_key(id);
        self.store.revoke_api_key(caller.scope(), id, event).await?;
        Ok(())
    }

    /// Checks that the caller's organization exists and is not deleted.
    pub(super) async fn require_organization(&self, caller: &Caller) -> Result<(), VaultError> {
        let organization = self.store.organization(caller.scope()).await?;
        match organization {
            Some(organization) if organization.deleted_at.is_none() => Ok(()),
            _ => Err(VaultError::NotFound),
        }
    }
}

fn check_new_key(
    name: &str,
    expires_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), VaultError> {
    let mut errors: Vec<_> = check_name(name).err().into_iter().collect();
    if expires_at.is_some_and(|at| at <= now) {
        errors.push(FieldError::new("expires", "past", "must be in the future"));
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(VaultError::Invalid(errors))
    }
}
