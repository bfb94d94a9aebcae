use strongroom_crypto::{
    Context, Purpose, RandomSource, RootKeyId, SecretKey, mac, open_key, seal_key,
};

use super::{RootKeyring, UnlockError, fatal};
use crate::VaultError;
use crate::store::{RootKeyStore, StoredServiceKey};

/// Keys for the service as a whole. Random, wrapped by a root key, never derived from it: so replacing the
/// root key changes none of them.
#[derive(Debug)]
pub struct ServiceKeys {
    /// Digests API keys.
    pub api_key: SecretKey,
    /// Chains audit events.
    pub audit: SecretKey,
    /// The seed that signs audit heads and checkpoints (Ed25519).
    pub audit_signing: SecretKey,
    /// Digests requests that may be repeated, and tags the ids of operations.
    pub idempotency: SecretKey,
}

const API_KEY_PURPOSE: &str = "api_key";
const AUDIT_PURPOSE: &str = "audit";
const AUDIT_SIGNING_PURPOSE: &str = "audit_signing";
const IDEMPOTENCY_PURPOSE: &str = "idempotency";
const PURPOSES: [&str; 4] = [
    API_KEY_PURPOSE,
    AUDIT_PURPOSE,
    AUDIT_SIGNING_PURPOSE,
    IDEMPOTENCY_PURPOSE,
];

/// Makes every service key that the database lacks.
pub(super) async fn add_missing(
    store: &dyn RootKeyStore,
    root: &RootKeyring,
    random: &dyn RandomSource,
) -> Result<(), UnlockError> {
    let stored = store.service_keys().await?;
    for purpose in PURPOSES {
        if stored.iter().any(|key| key.purpose == purpose) {
            continue;
        }
        let wrapping = root
            .active()
            .map_err(|error| UnlockError::Fatal(error.to_string()))?;
        let context = service_key_context(wrapping.id(), purpose);
        let key = SecretKey::generate(random).map_err(fatal)?;
        let row = StoredServiceKey {
            purpose: purpose.to_owned(),
            root_key: wrapping.id(),
            wrapped: seal_key(wrapping.key(), &context, &key, random).map_err(fatal)?,
        };
        store.add_service_key(&row).await?;
    }
    Ok(())
}

impl ServiceKeys {
    pub(super) fn open(
        root: &RootKeyring,
        stored: &[StoredServiceKey],
    ) -> Result<Self, UnlockError> {
        let open = |purpose: &str| {
            let row = stored.iter().find(|row| row.purpose == purpose);
            let row = row.ok_or_else(|| {
                UnlockError::Fatal(format!(
                    "the service key {purpose} is gone from the database"
                ))
            })?;
            let broken = || {
                let root = row.root_key;
                UnlockError::Fatal(format!(
                    "the service key {purpose} does not open under root key {root}: it was altered in the database"
                ))
            };
            let missing = || {
                let root = row.root_key;
                UnlockError::Fatal(format!(
                    "root key {root} is missing: the service key {purpose} is wrapped by it"
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
    /// Whether `other` are the same keys.
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

// Keys are compared by their digests, so that no comparison tells how much of one is right.
fn digest(key: &SecretKey) -> [u8; 32] {
    mac(key, &Context::new(Purpose::ServiceKey), b"comparison")
}

impl RootKeyring {
    /// The same service key, wrapped by the active root key.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] when it does not open.
    pub fn rewrap_service_key(
        &self,
        row: &StoredServiceKey,
        random: &dyn RandomSource,
    ) -> Result<StoredServiceKey, VaultError> {
        let old = self.get(row.root_key).ok_or(VaultError::Integrity(
            "a service key names a root key that is not held",
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

fn service_key_context(root: RootKeyId, purpose: &str) -> Context {
    Context::new(Purpose::ServiceKey)
        .uuid(root.0)
        .bytes(purpose.as_bytes())
}
