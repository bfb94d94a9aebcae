//! Keys in memory: root keys, service keys, and each organization's keys.

mod organization;
pub(crate) mod root;
mod service;

use chrono::{DateTime, Utc};
use strongroom_crypto::{CryptoError, RandomSource};

use crate::store::{RootKeyStore, StoreError, StoredRootKey, StoredServiceKey};

pub use organization::OrgKeyring;
pub use root::{Found, RootKeySources, RootKeyring, new_root_key};
pub use service::ServiceKeys;

/// Why the vault cannot be unlocked.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// The database failed; trying again may help.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A root key is wrong or missing; trying again does not help. Names the key, never its value.
    #[error("{0}")]
    Fatal(String),
}

/// Checks `sources` against the database and opens the service keys. On an empty database the newest key is
/// registered as its root key.
///
/// # Errors
/// [`UnlockError::Fatal`] names the root key that is missing or wrong.
pub async fn unlock(
    store: &dyn RootKeyStore,
    sources: &RootKeySources,
    now: DateTime<Utc>,
    random: &dyn RandomSource,
) -> Result<(RootKeyring, ServiceKeys), UnlockError> {
    if store.root_keys().await?.is_empty() {
        let first = root::first(sources, now, random)?;
        store.register_first_root_key(&first).await?;
    }
    let root = RootKeyring::load(sources, &store.root_keys().await?)?;
    service::add_missing(store, &root, random).await?;
    let service = ServiceKeys::open(&root, &store.service_keys().await?)?;
    Ok((root, service))
}

/// The keys that `root_keys` and `service_keys` describe, opened with `sources`.
///
/// # Errors
/// [`UnlockError::Fatal`] names the root key that is missing or wrong.
pub fn open_stored(
    sources: &RootKeySources,
    root_keys: &[StoredRootKey],
    service_keys: &[StoredServiceKey],
) -> Result<(RootKeyring, ServiceKeys), UnlockError> {
    let root = RootKeyring::load(sources, root_keys)?;
    let service = ServiceKeys::open(&root, service_keys)?;
    Ok((root, service))
}

fn fatal(error: CryptoError) -> UnlockError {
    UnlockError::Fatal(error.to_string())
}
