//! Unlocking: opening the root keys and service keys.

use chrono::{DateTime, Utc};
use strongroom_crypto::{RandomSource, SecretKey, seal_key};

use crate::keyring::error::KeyringError;
use crate::keyring::root::RootKeyring;
use crate::keyring::service::{PURPOSES, ServiceKeys, service_key_context};
use crate::keyring::sources::{RootKeySources, first_root_key};
use crate::keyring::stored::StoredServiceKey;
use crate::ports::error::StoreError;
use crate::ports::keys::RootKeyStore;

/// An error of unlocking.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// The database failed. A retry may succeed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A root key is wrong or missing. Retrying does not help. The text contains the key's id,
    /// never its value.
    #[error("{0}")]
    Fatal(String),
}

/// Verifies `sources` against the database and opens the service keys. In a database without
/// organizations, registers the newest key as the root key, and creates the service keys.
///
/// # Errors
/// [`UnlockError::Fatal`] names the root key that is missing or wrong, or the service keys that are
/// missing.
pub async fn unlock(
    store: &dyn RootKeyStore,
    sources: &RootKeySources,
    now: DateTime<Utc>,
    random: &dyn RandomSource,
) -> Result<(RootKeyring, ServiceKeys), UnlockError> {
    // Read before the keys, since another program may create them and then an organization
    // meanwhile. New keys would make all API keys, audit events and claims of an organization
    // invalid. Only if a key is missing, since a sharded cluster asks every worker.
    let complete = !store.root_keys().await?.is_empty()
        && missing(&store.service_keys().await?).next().is_none();
    let empty = !complete && !store.has_organizations().await?;
    if empty && store.root_keys().await?.is_empty() {
        let first = first_root_key(sources, now, random)?;
        store.register_first_root_key(&first).await?;
    }
    let root = RootKeyring::load(sources, &store.root_keys().await?)?;
    if empty {
        add_missing(store, &root, random).await?;
    }
    let service = ServiceKeys::open(&root, &store.service_keys().await?)?;
    Ok((root, service))
}

impl From<KeyringError> for UnlockError {
    fn from(KeyringError(why): KeyringError) -> Self {
        Self::Fatal(why)
    }
}

/// The purposes that have no service key.
fn missing(stored: &[StoredServiceKey]) -> impl Iterator<Item = &'static str> {
    let present = |purpose: &&str| stored.iter().any(|key| key.purpose == *purpose);
    PURPOSES
        .into_iter()
        .filter(move |purpose| !present(purpose))
}

/// Creates all service keys that the database lacks.
async fn add_missing(
    store: &dyn RootKeyStore,
    root: &RootKeyring,
    random: &dyn RandomSource,
) -> Result<(), UnlockError> {
    for purpose in missing(&store.service_keys().await?) {
        let wrapping = root
            .active()
            .map_err(|error| UnlockError::Fatal(error.to_string()))?;
        let context = service_key_context(wrapping.id(), purpose);
        let key = SecretKey::generate(random).map_err(KeyringError::from)?;
        let row = StoredServiceKey {
            purpose: purpose.to_owned(),
            root_key: wrapping.id(),
            wrapped: seal_key(wrapping.key(), &context, &key, random)
                .map_err(KeyringError::from)?,
        };
        store.add_service_key(&row).await?;
    }
    Ok(())
}
