//! Keys of the whole service.

use strongroom_crypto::{
    Context, Purpose, RandomSource, RootKeyId, SecretKey, mac, open_key, seal_key,
};

use crate::error::VaultError;
use crate::keyring::error::KeyringError;
use crate::keyring::root::RootKeyring;
use crate::keyring::sources::RootKeySources;
use crate::keyring::stored::{StoredRootKey, StoredServiceKey};

/// Opens the keys in `root_keys` and `service_keys` with `sources`.
///
/// # Errors
/// [`KeyringError`] names the root key that is missing or wrong.
pub fn open_stored(
    sources: &RootKeySources,
    root_keys: &[StoredRootKey],
    service_keys: &[StoredServiceKey],
) -> Result<(RootKeyring, ServiceKeys), KeyringError> {
    let root = RootKeyring::load(sources, root_keys)?;
    if let Some((_, why)) = root.unavailable().next() {
        return Err(KeyringError(why.to_owned()));
    }
    let service = ServiceKeys::open(&root, service_keys)?;
    Ok((root, service))
}

/// Keys of the whole service. They are random and wrapped with a root key, never derived from it,
/// so replacing the root key does not change them.
#[derive(Debug)]
pub struct ServiceKeys {
    /// Digests API keys.
    pub api_key: SecretKey,
    /// Chains audit events.
    pub audit: SecretKey,
    /// The seed that signs audit heads and checkpoints (Ed25519).
    pub audit_signing: SecretKey,
    /// Digests repeatable requests, and tags the ids of operations.
    pub idempotency: SecretKey,
}

const API_KEY_PURPOSE: &str = "api_key";
const AUDIT_PURPOSE: &str = "audit";
const AUDIT_SIGNING_PURPOSE: &str = "audit_signing";
const IDEMPOTENCY_PURPOSE: &str = "idempotency";
pub(crate) const PURPOSES: [&str; 4] = [
    API_KEY_PURPOSE,
    AUDIT_PURPOSE,
    AUDIT_SIGNING_PURPOSE,
    IDEMPOTENCY_PURPOSE,
];

impl ServiceKeys {
    pub(crate) fn open(
        root: &RootKeyring,
        stored: &[StoredServiceKey],
    ) -> Result<Self, KeyringError> {
        let of = |purpose: &str| stored.iter().find(|row| row.purpose == purpose);
        let absent: Vec<&str> = PURPOSES.into_iter().filter(|p| of(p).is_none()).collect();
        if !absent.is_empty() {
            return Err(KeyringError(format!(
                "service keys are missing in the database: {}. New ones would make all API keys \
                 and audit events invalid; restore the table service_keys from a backup",
                absent.join(", ")
            )));
        }
        let open = |purpose: &str| {
            let row = of(purpose).ok_or_else(|| KeyringError(purpose.into()))?;
            let broken = || {
                let root = row.root_key;
                KeyringError(format!(
                    "the service key {purpose} does not open with root key {root}: it was altered \
                     in the database"
                ))
            };
            let missing = || {
                let root = row.root_key;
                KeyringError(format!(
                    "root key {root} is missing, which wraps the service key {purpose}"
                ))
            };
            let root = root.get(row.root_key).ok_or_else(missing)?;
            let context = service_key_context(root.id(), purpose);
            open_key(root.key(), &context, &row.wrapped).map_err(|_| broken())
        };
        Ok(Self {
            api_key: open(API_KEY_PURPOSE)?,
            audit: open(AUDIT_PURPOSE)?,
            audit_signing: open(AUDIT_SIGNING_PURPOSE)?,
            idempotency: open(IDEMPOTENCY_PURPOSE)?,
        })
    }
}

impl ServiceKeys {
    /// Whether `other` contains the same keys.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        let all = |keys: &Self| {
            [
                &keys.api_key,
                &keys.audit,
                &keys.audit_signing,
                &keys.idempotency,
            ]
            .map(digest)
        };
        all(self) == all(other)
    }
}

// Keys are compared by their digests, so that the duration of the comparison reveals nothing about
// them.
fn digest(key: &SecretKey) -> [u8; 32] {
    mac(key, &Context::new(Purpose::ServiceKey), b"comparison")
}

impl RootKeyring {
    /// Re-wraps a service key with the active root key.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if the key does not open.
    pub fn rewrap_service_key(
        &self,
        row: &StoredServiceKey,
        random: &dyn RandomSource,
    ) -> Result<StoredServiceKey, VaultError> {
        let old = self.get(row.root_key).ok_or(VaultError::Integrity(
            "a service key names a root key that is not loaded",
        ))?;
        let context = service_key_context(old.id(), &row.purpose);
        let key = open_key(old.key(), &context, &row.wrapped)?;
        let new = self.active()?;
        let context = service_key_context(new.id(), &row.purpose);
        Ok(StoredServiceKey {
            purpose: row.purpose.clone(),
            root_key: new.id(),
            wrapped: seal_key(new.key(), &context, &key, random)?,
        })
    }
}

pub(crate) fn service_key_context(root: RootKeyId, purpose: &str) -> Context {
    Context::new(Purpose::ServiceKey)
        .uuid(root.0)
        .bytes(purpose.as_bytes())
}
