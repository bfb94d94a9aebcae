//! The keys of the database into which a backup is restored.

use crate::keyring::error::KeyringError;
use crate::keyring::root::RootKeyring;
use crate::keyring::service::open_stored;
use crate::keyring::sources::RootKeySources;
use crate::ports::keys::RootKeyStore;
use crate::vault::restore::error::RestoreError;
use crate::vault::restore::opened::OpenedBackup;

/// The keys of the database into which a backup is restored.
#[derive(Debug)]
pub struct TargetKeys {
    /// Whether the database has no keys, so that those of the backup are installed.
    pub empty: bool,
    pub(super) root: RootKeyring,
}

impl TargetKeys {
    /// Reads the keys of the database behind `store` and compares them with `backup`. Writes
    /// nothing.
    ///
    /// # Errors
    /// [`RestoreError::Keys`] if the configured root keys are not those of the database, or if the
    /// database belongs to another installation, whose API keys and audit trails do not verify with
    /// the backup's keys.
    pub async fn check(
        store: &dyn RootKeyStore,
        sources: &RootKeySources,
        backup: &OpenedBackup,
    ) -> Result<Self, RestoreError> {
        let (root_keys, service_keys) = (store.root_keys().await?, store.service_keys().await?);
        if root_keys.is_empty() && service_keys.is_empty() {
            return Ok(Self {
                empty: true,
                root: backup.root.clone(),
            });
        }
        let (root, service) = open_stored(sources, &root_keys, &service_keys).map_err(keys)?;
        if !service.same_as(&backup.service) {
            return Err(RestoreError::Keys(
                "the database belongs to another installation than the backup: it has its own \
                 service keys, with which the backup's API keys and audit trails do not verify. \
                 Restore into the database that was backed up, or into a new one on which only \
                 `strongroom migrate` has run"
                    .into(),
            ));
        }
        Ok(Self { empty: false, root })
    }
}

fn keys(KeyringError(why): KeyringError) -> RestoreError {
    RestoreError::Keys(format!(
        "the database to be restored into cannot be opened with the configured root keys: {why}"
    ))
}
