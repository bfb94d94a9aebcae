//! Organizations' unwrapped keys.

use std::sync::Arc;

use crate::caller::OrgScope;
use crate::error::VaultError;
use crate::health::condition::Condition;
use crate::keyring::organization::OrgKeyring;
use crate::keyring::stored::StoredOrgKey;
use crate::vault::Vault;

impl Vault {
    /// The unwrapped keys of the organization, from the cache if they are there.
    ///
    /// # Errors
    /// [`VaultError::Integrity`], or an error of the store.
    pub(super) async fn org_keys(&self, scope: OrgScope) -> Result<Arc<OrgKeyring>, VaultError> {
        if let Some(ring) = self.org_keys.get(&scope.org()) {
            return Ok(ring);
        }
        self.reload_org_keys(scope).await
    }

    /// The unwrapped keys of the organization, read again.
    ///
    /// # Errors
    /// As for [`Self::org_keys`].
    pub(super) async fn reload_org_keys(
        &self,
        scope: OrgScope,
    ) -> Result<Arc<OrgKeyring>, VaultError> {
        let stored = self.current_org_keys(scope).await;
        let stored = self.log_failure(scope.org(), stored)?;
        let unwrapped = self.unwrapped(scope, &stored).await;
        let ring = Arc::new(self.log_failure(scope.org(), unwrapped)?);
        self.org_keys.insert(scope.org(), ring.clone());
        Ok(ring)
    }

    // The keys as the audit trail says that they are. A rotation may commit between the two reads,
    // so a difference is looked at twice.
    pub(super) async fn current_org_keys(
        &self,
        scope: OrgScope,
    ) -> Result<Vec<StoredOrgKey>, VaultError> {
        for _ in 0..2 {
            let (stored, problems) = self.keys_with_problems(scope).await?;
            if problems.is_empty() {
                return Ok(stored);
            }
        }
        Err(VaultError::Integrity(
            "the generations of the organization's key are not those in its audit trail",
        ))
    }

    // A root key in the database may have become active while this server was suspended; its key
    // file is read again within seconds. A root key that is not in the database indicates
    // tampering.
    async fn unloaded_root_key_error(
        &self,
        stored: &[StoredOrgKey],
        why: String,
    ) -> Result<VaultError, VaultError> {
        let known = self.root_store.root_keys().await?;
        let is_known = |key: &StoredOrgKey| known.iter().any(|root| root.id == key.root_key);
        if stored.iter().all(is_known) {
            self.counters.conditions.record(Condition::RootKeys, &why);
            return Ok(VaultError::Unavailable(why));
        }
        Ok(VaultError::Integrity(
            "an organization's key names an unknown root key",
        ))
    }

    pub(super) async fn unwrapped(
        &self,
        scope: OrgScope,
        stored: &[StoredOrgKey],
    ) -> Result<OrgKeyring, VaultError> {
        match self.root().open_org_keys(scope.org(), stored) {
            Err(VaultError::Unavailable(why)) => {
                Err(self.unloaded_root_key_error(stored, why).await?)
            }
            other => other,
        }
    }
}
