//! Root keys: loading, rotation and retirement.

use std::sync::Arc;

use serde_json::json;
use strongroom_crypto::{RootKey, RootKeyId};

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::caller::Caller;
use crate::error::VaultError;
use crate::keyring::root::RootKeyring;
use crate::keyring::sources::{RootKeySources, new_root_key};
use crate::keyring::stored::StoredRootKey;
use crate::ports::error::{StoreError, StoreResult};
use crate::ports::installation::InstallationChange;
use crate::rotation::{RootKeyState, RootRotation, RotationStart};
use crate::vault::Vault;
use crate::vault::unlock::UnlockError;

impl Vault {
    /// The loaded root keys.
    #[must_use]
    pub fn root(&self) -> Arc<RootKeyring> {
        self.root.read().clone()
    }

    /// Loads new root keys from `sources`. [`Self::confirm_root_keys`] says which one is active.
    ///
    /// # Errors
    /// [`UnlockError`] as for unlocking. The keys that were loaded before are kept.
    pub async fn refresh_root_keys(&self, sources: &RootKeySources) -> Result<(), UnlockError> {
        let stored = self.root_store.root_keys().await?;
        let refreshed = Arc::new(self.root().refreshed(sources, &stored)?);
        *self.root.write() = refreshed;
        Ok(())
    }

    /// Checks that no organization's key is wrapped with a root key that could not be loaded.
    ///
    /// # Errors
    /// [`UnlockError::Fatal`] names such a root key.
    pub async fn require_root_keys(&self) -> Result<(), UnlockError> {
        for (id, why) in self.root().unavailable() {
            if self.count_wrapped_keys(|root| root == id).await? > 0 {
                return Err(UnlockError::Fatal(why.to_owned()));
            }
            tracing::warn!(root_key = %id, why, "a root key that wraps no key cannot be loaded");
        }
        Ok(())
    }

    /// Lists all root keys in the database, oldest first.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn root_keys(&self) -> Result<Vec<StoredRootKey>, VaultError> {
        Ok(self.root_store.root_keys().await?)
    }

    /// Generates a new root key, which is not stored.
    ///
    /// # Errors
    /// [`VaultError::Internal`] if the random source fails.
    pub fn new_root_key(&self) -> Result<RootKey, VaultError> {
        Ok(new_root_key(&*self.random)?)
    }

    /// Registers `key` in the database, so that servers can report whether they have loaded it.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn prepare_root_key(&self, caller: &Caller, key: &RootKey) -> Result<(), VaultError> {
        let (state, now) = (RootKeyState::Prepared, self.now());
        let row = crate::keyring::sources::stored_root_key(key, None, state, now, &*self.random)?;
        let recorded = (Action::RootKeyPrepare, about(row.id));
        let change = InstallationChange::PrepareRootKey(row);
        Ok(self.change_installation(caller, change, recorded).await?)
    }

    /// The number of organizations' keys and service keys that are wrapped with a root key other
    /// than `id`.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn count_not_under(&self, id: RootKeyId) -> Result<i64, VaultError> {
        Ok(self.count_wrapped_keys(|root| root != id).await?)
    }

    async fn count_wrapped_keys(&self, counts: impl Fn(RootKeyId) -> bool) -> StoreResult<i64> {
        let service = self.root_store.service_keys().await?;
        let mut total = service.iter().filter(|key| counts(key.root_key)).count();
        for org in self.store.organization_ids().await? {
            let scope = crate::caller::OrgScope::new(org);
            let keys = self.store.org_keys(scope).await?;
            total += keys.iter().filter(|key| counts(key.root_key)).count();
        }
        Ok(i64::try_from(total).unwrap_or(i64::MAX))
    }

    /// Activates a prepared root key. The caller must have checked that every running server has
    /// loaded it.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] if the states of the root keys changed concurrently.
    pub async fn activate_root_key(
        &self,
        caller: &Caller,
        id: RootKeyId,
        throttle: Option<i32>,
    ) -> Result<(), VaultError> {
        let stored = self.root_store.root_keys().await?;
        let active = stored.iter().find(|row| row.state == RootKeyState::Active);
        let active = active.ok_or(VaultError::Integrity("the database has no active root key"))?;
        let total = self.count_not_under(id).await?;
        let start = RotationStart {
            re_encrypt: false,
            throttle,
            at: self.now(),
        };
        let details = Details::new([
            ("root_key_id", json!(id.to_string())),
            ("superseded", json!(active.id.to_string())),
            ("number", json!(self.next_root_key_number().await?)),
        ]);
        let change = InstallationChange::ActivateRootKey {
            id,
            superseded: active.id,
            start,
            total,
        };
        let recorded = (Action::RootKeyActivate, details);
        let activated = self.change_installation(caller, change, recorded).await;
        activated.map_err(concurrent)?;
        self.confirm_root_keys().await
    }

    /// Re-wraps the keys of the caller's organization with the active root key. Returns the number
    /// of re-wrapped keys.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if one does not open, or an error of the store.
    pub async fn rewrap_organization(&self, caller: &Caller) -> Result<i64, VaultError> {
        let root = self.root();
        let scope = caller.scope();
        let keys = self.store.org_keys(scope).await?;
        let mut rewrapped = Vec::new();
        for key in keys.iter().filter(|key| key.root_key != root.active_id()) {
            let new = root.rewrap_org_key(scope.org(), key, &*self.random)?;
            rewrapped.push((key.root_key, new));
        }
        if rewrapped.is_empty() {
            return Ok(0);
        }
        let rows = i64::try_from(rewrapped.len()).unwrap_or(i64::MAX);
        let details = Details::new([("root_key_id", json!(root.active_id().to_string()))]);
        let event = Event::by(caller, Action::OrganizationRewrap, self.now());
        let event = event.with_details(details);
        self.store.rewrap_org_keys(scope, rewrapped, event).await?;
        self.root_store
            .advance_root_rotation(root.active_id(), rows, self.now())
            .await?;
        Ok(rows)
    }

    /// Re-wraps the service keys with the active root key. Returns the number of re-wrapped keys.
    ///
    /// # Errors
    /// As for [`Self::rewrap_organization`].
    pub async fn rewrap_service_keys(&self, caller: &Caller) -> Result<i64, VaultError> {
        let root = self.root();
        let mut rows = 0;
        for key in self.root_store.service_keys().await? {
            if key.root_key == root.active_id() {
                continue;
            }
            let new = root.rewrap_service_key(&key, &*self.random)?;
            let details = Details::new([
                ("purpose", json!(key.purpose)),
                ("root_key_id", json!(new.root_key.to_string())),
            ]);
            let change = InstallationChange::RewrapServiceKey {
                key: new,
                from: key.root_key,
            };
            let recorded = (Action::ServiceKeyRewrap, details);
            match self.change_installation(caller, change, recorded).await {
                Ok(()) => rows += 1,
                // Another process re-wrapped it.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let (active, now) = (root.active_id(), self.now());
        self.root_store
            .advance_root_rotation(active, rows, now)
            .await?;
        Ok(rows)
    }

    /// Ends the rotation to the active root key after a pass that found no remaining keys. The
    /// superseded keys become unneeded.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn finish_root_rotation(&self, caller: &Caller) -> Result<(), VaultError> {
        let active = self.root().active_id();
        let change = InstallationChange::FinishRootRotation(active);
        let recorded = (Action::RootRotationFinish, about(active));
        match self.change_installation(caller, change, recorded).await {
            // Another process ended it.
            Err(StoreError::Conflict) => Ok(()),
            finished => Ok(finished?),
        }
    }

    /// Lists rotations of the root key, newest first.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn root_rotations(&self) -> Result<Vec<RootRotation>, VaultError> {
        Ok(self.root_store.root_rotations().await?)
    }

    /// Takes over a rotation of the root key without progress since it was read. Returns whether it
    /// succeeded.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn claim_root_rotation(&self, rotation: &RootRotation) -> Result<bool, VaultError> {
        let (id, updated_at) = (rotation.root_key, rotation.progress.updated_at);
        Ok(self
            .root_store
            .claim_root_rotation(id, updated_at, self.now())
            .await?)
    }

    /// Marks a root key as destroyed if it wraps no keys. Otherwise, returns the number of keys
    /// that it wraps.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] if there is no such root key, or it is active.
    pub async fn retire_root_key(&self, caller: &Caller, id: RootKeyId) -> Result<i64, VaultError> {
        let stored = self.root_store.root_keys().await?;
        let row = stored
            .iter()
            .find(|row| row.id == id && row.state != RootKeyState::Active);
        let from = row.ok_or(VaultError::NotFound)?.state;
        let uses = self.count_wrapped_keys(|root| root == id).await?;
        if uses > 0 {
            return Ok(uses);
        }
        let change = InstallationChange::RetireRootKey { id, from };
        let recorded = (Action::RootKeyRetire, about(id));
        let retired = self.change_installation(caller, change, recorded).await;
        retired.map_err(concurrent)?;
        Ok(0)
    }
}

fn about(id: RootKeyId) -> Details {
    Details::new([("root_key_id", json!(id.to_string()))])
}

fn concurrent(error: StoreError) -> VaultError {
    match error {
        StoreError::Conflict => {
            VaultError::Unavailable("the states of the root keys changed concurrently".into())
        }
        other => other.into(),
    }
}
