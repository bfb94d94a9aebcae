//! Unwrapping of organizations' keys.

use crate::caller::OrgScope;
use crate::error::VaultError;
use crate::health::condition::Condition;
use crate::keyring::organization::OrgKeyring;
use crate::keyring::stored::StoredOrgKey;
use crate::vault::Vault;

impl Vault {
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
