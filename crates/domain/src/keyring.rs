//! Keys in memory: root keys, service keys, and each organisation's keys.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use strongroom_crypto::{
    Context, CryptoError, PassphraseParams, Purpose, RandomSource, RootKey, RootKeyId, SecretBytes,
    SecretKey, SecretString, open, open_key, seal, seal_key,
};
use uuid::Uuid;

use crate::credential::SealedCredential;
use crate::ids::OrgId;
use crate::store::{RootKeyStore, StoreError, StoredOrgKey, StoredRootKey, StoredServiceKey};
use crate::{CredentialId, VaultError};

/// Where root keys come from.
#[derive(Debug, Clone)]
pub enum RootKeySource {
    /// Keys themselves, newest last.
    Keys(Vec<RootKey>),
    /// A passphrase, made into a key with argon2id.
    Passphrase(SecretString),
}

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

/// The loaded root keys, every one checked against the database.
#[derive(Debug)]
pub struct RootKeyring {
    keys: BTreeMap<RootKeyId, RootKey>,
    active: RootKeyId,
}

/// Keys for the service as a whole. Random, wrapped by a root key, never derived from it: so replacing the
/// root key changes none of them.
#[derive(Debug)]
pub struct ServiceKeys {
    /// Digests API keys.
    pub api_key: SecretKey,
    /// Chains audit events.
    pub audit: SecretKey,
}

const API_KEY_PURPOSE: &str = "api_key";
const AUDIT_PURPOSE: &str = "audit";

/// Checks `source` against the database and opens the service keys. On an empty database the newest key is
/// registered as its root key.
///
/// # Errors
/// [`UnlockError::Fatal`] names the root key that is missing or wrong.
pub async fn unlock(
    store: &dyn RootKeyStore,
    source: &RootKeySource,
    now: DateTime<Utc>,
    random: &dyn RandomSource,
) -> Result<(RootKeyring, ServiceKeys), UnlockError> {
    if store.root_keys().await?.is_empty() {
        let first = first_root_key(source, now, random)?;
        store.register_first_root_key(&first).await?;
    }
    let root = RootKeyring::load(source, &store.root_keys().await?)?;
    add_missing_service_keys(store, &root, random).await?;
    let service = ServiceKeys::open(&root, &store.service_keys().await?)?;
    Ok((root, service))
}

fn fatal(error: CryptoError) -> UnlockError {
    UnlockError::Fatal(error.to_string())
}

fn first_root_key(
    source: &RootKeySource,
    now: DateTime<Utc>,
    random: &dyn RandomSource,
) -> Result<StoredRootKey, UnlockError> {
    let (key, passphrase) = match source {
        RootKeySource::Keys(keys) => {
            let newest = keys.last().cloned();
            let none = || UnlockError::Fatal("no root key is loaded".into());
            (newest.ok_or_else(none)?, None)
        }
        RootKeySource::Passphrase(passphrase) => {
            let mut id = [0; 16];
            random.fill(&mut id).map_err(fatal)?;
            let id = RootKeyId(uuid::Builder::from_random_bytes(id).into_uuid());
            let params = PassphraseParams::generate(random).map_err(fatal)?;
            let key = RootKey::from_passphrase(id, passphrase, &params).map_err(fatal)?;
            (key, Some(params))
        }
    };
    Ok(StoredRootKey {
        id: key.id(),
        check_value: key.check_value(random).map_err(fatal)?,
        passphrase,
        created_at: now,
    })
}

impl RootKeyring {
    fn load(source: &RootKeySource, stored: &[StoredRootKey]) -> Result<Self, UnlockError> {
        let mut keys = BTreeMap::new();
        for row in stored {
            let key = find_root_key(source, row)?;
            if !key.check(&row.check_value) {
                return Err(UnlockError::Fatal(wrong_root_key(source, row.id)));
            }
            keys.insert(row.id, key);
        }
        let active = stored.last().map(|row| row.id);
        let none = || UnlockError::Fatal("the database holds no root key".into());
        Ok(Self {
            keys,
            active: active.ok_or_else(none)?,
        })
    }

    fn active(&self) -> Result<&RootKey, VaultError> {
        self.keys
            .get(&self.active)
            .ok_or(VaultError::Integrity("the active root key is not loaded"))
    }

    /// A new key for generation `generation` of organisation `org`, wrapped by the active root key.
    ///
    /// # Errors
    /// [`VaultError::Internal`] when there is no randomness to be had.
    pub fn new_org_key(
        &self,
        org: OrgId,
        generation: i32,
        random: &dyn RandomSource,
    ) -> Result<StoredOrgKey, VaultError> {
        let root = self.active()?;
        let key = SecretKey::generate(random)?;
        let context = org_key_context(root.id(), org, generation);
        Ok(StoredOrgKey {
            generation,
            root_key: root.id(),
            wrapped: seal_key(root.key(), &context, &key, random)?,
            active: true,
        })
    }

    /// Unwraps all generations of organisation `org`'s key.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] when one does not open, or none is active.
    pub fn open_org_keys(
        &self,
        org: OrgId,
        stored: &[StoredOrgKey],
    ) -> Result<OrgKeyring, VaultError> {
        let mut keys = BTreeMap::new();
        let mut active = None;
        for row in stored {
            let root = self.keys.get(&row.root_key).ok_or(VaultError::Integrity(
                "an organisation's key names an unknown root key",
            ))?;
            let context = org_key_context(root.id(), org, row.generation);
            keys.insert(
                row.generation,
                open_key(root.key(), &context, &row.wrapped)?,
            );
            if row.active {
                active = Some(row.generation);
            }
        }
        let active = active.ok_or(VaultError::Integrity("the organisation has no active key"))?;
        Ok(OrgKeyring { org, keys, active })
    }
}

fn find_root_key(source: &RootKeySource, row: &StoredRootKey) -> Result<RootKey, UnlockError> {
    match (source, &row.passphrase) {
        (RootKeySource::Passphrase(passphrase), Some(params)) => {
            RootKey::from_passphrase(row.id, passphrase, params).map_err(fatal)
        }
        (RootKeySource::Keys(keys), None) => keys
            .iter()
            .find(|key| key.id() == row.id)
            .cloned()
            .ok_or_else(|| UnlockError::Fatal(missing_root_key(keys, row.id))),
        (RootKeySource::Keys(_), Some(_)) => Err(UnlockError::Fatal(format!(
            "root key {} is a passphrase, but a root key file or variable is configured",
            row.id
        ))),
        (RootKeySource::Passphrase(_), None) => Err(UnlockError::Fatal(format!(
            "root key {} is a key file's or variable's, but a passphrase is configured",
            row.id
        ))),
    }
}

fn missing_root_key(loaded: &[RootKey], id: RootKeyId) -> String {
    let loaded: Vec<_> = loaded.iter().map(|key| key.id().to_string()).collect();
    format!(
        "root key {id} is missing: this database's keys are wrapped by it, and loaded is only {}",
        loaded.join(", ")
    )
}

fn wrong_root_key(source: &RootKeySource, id: RootKeyId) -> String {
    match source {
        RootKeySource::Keys(_) => format!(
            "root key {id} is wrong: the loaded key bears this id, but is not the key that this database was sealed with"
        ),
        RootKeySource::Passphrase(_) => {
            format!(
                "root key {id} is wrong: this is not the passphrase that this database was sealed with"
            )
        }
    }
}

async fn add_missing_service_keys(
    store: &dyn RootKeyStore,
    root: &RootKeyring,
    random: &dyn RandomSource,
) -> Result<(), UnlockError> {
    let stored = store.service_keys().await?;
    for purpose in [API_KEY_PURPOSE, AUDIT_PURPOSE] {
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
    fn open(root: &RootKeyring, stored: &[StoredServiceKey]) -> Result<Self, UnlockError> {
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
            let root = root.keys.get(&row.root_key).ok_or_else(broken)?;
            let context = service_key_context(root.id(), purpose);
            open_key(root.key(), &context, &row.wrapped).map_err(|_| broken())
        };
        Ok(Self {
            api_key: open(API_KEY_PURPOSE)?,
            audit: open(AUDIT_PURPOSE)?,
        })
    }
}

fn org_key_context(root: RootKeyId, org: OrgId, generation: i32) -> Context {
    Context::new(Purpose::OrganizationKey)
        .uuid(root.0)
        .uuid(org.0)
        .i64(generation.into())
}

fn service_key_context(root: RootKeyId, purpose: &str) -> Context {
    Context::new(Purpose::ServiceKey)
        .uuid(root.0)
        .bytes(purpose.as_bytes())
}

/// One organisation's keys, unwrapped.
#[derive(Debug)]
pub struct OrgKeyring {
    org: OrgId,
    keys: BTreeMap<i32, SecretKey>,
    active: i32,
}

impl OrgKeyring {
    /// The generation that wraps new data keys.
    #[must_use]
    pub fn active(&self) -> i32 {
        self.active
    }

    /// Whether generation `generation` is here.
    #[must_use]
    pub fn has(&self, generation: i32) -> bool {
        self.keys.contains_key(&generation)
    }

    /// Seals `blob` as the content of `row`, under a new data key: fills `key_generation`, `wrapped_key` and
    /// `sealed_blob`.
    ///
    /// # Errors
    /// [`VaultError::Internal`] when there is no randomness to be had.
    pub fn seal(
        &self,
        row: SealedCredential,
        blob: &[u8],
        random: &dyn RandomSource,
    ) -> Result<SealedCredential, VaultError> {
        let organization_key = self.key(self.active)?;
        let data_key = SecretKey::generate(random)?;
        let wrap = data_key_context(self.org, row.id, row.version, self.active);
        Ok(SealedCredential {
            key_generation: self.active,
            wrapped_key: seal_key(organization_key, &wrap, &data_key, random)?,
            sealed_blob: seal(&data_key, &blob_context(self.org, &row), blob, random)?,
            ..row
        })
    }

    /// Opens `row`'s blob.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] when any part of the row is not what was sealed, or its key is not here.
    pub fn open(&self, row: &SealedCredential) -> Result<SecretBytes, VaultError> {
        let organization_key = self.key(row.key_generation)?;
        let wrap = data_key_context(self.org, row.id, row.version, row.key_generation);
        let data_key = open_key(organization_key, &wrap, &row.wrapped_key)?;
        Ok(open(
            &data_key,
            &blob_context(self.org, row),
            &row.sealed_blob,
        )?)
    }

    fn key(&self, generation: i32) -> Result<&SecretKey, VaultError> {
        self.keys.get(&generation).ok_or(VaultError::Integrity(
            "the organisation has no key of this generation",
        ))
    }
}

// The generation is bound here and not into the blob: re-wrapping a data key must not break its blob.
fn data_key_context(org: OrgId, id: CredentialId, version: i64, generation: i32) -> Context {
    Context::new(Purpose::DataKey)
        .uuid(org.0)
        .uuid(id.0)
        .i64(version)
        .i64(generation.into())
}

fn blob_context(org: OrgId, row: &SealedCredential) -> Context {
    Context::new(Purpose::CredentialBlob)
        .uuid(org.0)
        .uuid(row.id.0)
        .i64(row.version)
        .u8(row.provider.code())
        .u8(row.kind.code())
        .optional(row.pieces_user.as_deref(), |context, user| {
            context.bytes(user.as_bytes())
        })
}

/// A new root key with a random id.
///
/// # Errors
/// [`CryptoError::Random`] when there is no randomness to be had.
pub fn new_root_key(random: &dyn RandomSource) -> Result<RootKey, CryptoError> {
    let mut id = [0; 16];
    random.fill(&mut id)?;
    let id: Uuid = uuid::Builder::from_random_bytes(id).into_uuid();
    RootKey::generate(RootKeyId(id), random)
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::OsRandom;

    use super::*;
    use crate::credential::{CredentialType, Label, Provider};

    fn root() -> RootKeyring {
        let key = new_root_key(&OsRandom).unwrap();
        RootKeyring {
            active: key.id(),
            keys: BTreeMap::from([(key.id(), key)]),
        }
    }

    fn ring(root: &RootKeyring, org: u128) -> OrgKeyring {
        let org = OrgId(Uuid::from_u128(org));
        let stored = root.new_org_key(org, 1, &OsRandom).unwrap();
        root.open_org_keys(org, &[stored]).unwrap()
    }

    fn row(id: u128) -> SealedCredential {
        SealedCredential {
            id: CredentialId(Uuid::from_u128(id)),
            provider: Provider::Google,
            kind: CredentialType::ApiKey,
            label: Label::default(),
            version: 1,
            key_generation: 0,
            wrapped_key: Vec::new(),
            sealed_blob: Vec::new(),
            updated_at: DateTime::UNIX_EPOCH,
            pieces_user: None,
        }
    }

    #[test]
    fn a_row_opens_only_as_it_was_sealed() {
        let root = root();
        let ring = ring(&root, 1);
        let sealed = ring.seal(row(1), b"secret", &OsRandom).unwrap();
        assert_eq!(ring.open(&sealed).unwrap().expose(), b"secret");

        let again = ring.seal(row(2), b"other", &OsRandom).unwrap();
        type Change<'a> = Box<dyn Fn(&mut SealedCredential) + 'a>;
        let changed: Vec<Change<'_>> = vec![
            Box::new(|row| row.version = 2),
            Box::new(|row| row.provider = Provider::Generic),
            Box::new(|row| row.kind = CredentialType::UserPass),
            Box::new(|row| row.id = CredentialId(Uuid::from_u128(2))),
            Box::new(|row| row.key_generation = 2),
            Box::new(|row| row.pieces_user = Some("somebody".into())),
            Box::new(|row| row.sealed_blob = again.sealed_blob.clone()),
            Box::new(|row| row.wrapped_key = again.wrapped_key.clone()),
            Box::new(|row| {
                row.wrapped_key = again.wrapped_key.clone();
                row.sealed_blob = again.sealed_blob.clone();
            }),
        ];
        for (at, change) in changed.iter().enumerate() {
            let mut row = sealed.clone();
            change(&mut row);
            let error = ring.open(&row).unwrap_err();
            assert!(
                matches!(error, VaultError::Integrity(_)),
                "change {at}: {error}"
            );
        }
    }

    #[test]
    fn another_organisations_keys_do_not_open_it() {
        let root = root();
        let sealed = ring(&root, 1).seal(row(1), b"secret", &OsRandom).unwrap();
        assert!(ring(&root, 2).open(&sealed).is_err());
    }

    #[test]
    fn an_organisation_key_opens_only_for_its_organisation_and_generation() {
        let root = root();
        let org = OrgId(Uuid::from_u128(1));
        let stored = root.new_org_key(org, 1, &OsRandom).unwrap();
        assert!(
            root.open_org_keys(OrgId(Uuid::from_u128(2)), std::slice::from_ref(&stored))
                .is_err()
        );
        let renumbered = StoredOrgKey {
            generation: 2,
            ..stored
        };
        assert!(root.open_org_keys(org, &[renumbered]).is_err());
    }

    #[test]
    fn the_label_is_free_to_change() {
        let root = root();
        let ring = ring(&root, 1);
        let mut sealed = ring.seal(row(1), b"secret", &OsRandom).unwrap();
        sealed.label = Label::parse("renamed").unwrap();
        assert_eq!(ring.open(&sealed).unwrap().expose(), b"secret");
    }
}
