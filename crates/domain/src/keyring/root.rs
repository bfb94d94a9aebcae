use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use strongroom_crypto::{
    Context, CryptoError, PassphraseParams, Purpose, RandomSource, RootKey, RootKeyId, SecretKey,
    SecretString, open_key, seal_key,
};
use uuid::Uuid;

use super::{OrgKeyring, UnlockError, fatal};
use crate::VaultError;
use crate::ids::OrgId;
use crate::store::{StoredOrgKey, StoredRootKey};

/// Where root keys come from.
#[derive(Debug, Clone)]
pub enum RootKeySource {
    /// Keys themselves, newest last.
    Keys(Vec<RootKey>),
    /// A passphrase, made into a key with argon2id.
    Passphrase(SecretString),
}

/// The loaded root keys, every one checked against the database.
#[derive(Debug)]
pub struct RootKeyring {
    keys: BTreeMap<RootKeyId, RootKey>,
    active: RootKeyId,
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

/// The row by which an empty database learns its root key.
pub(super) fn first(
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
    pub(super) fn load(
        source: &RootKeySource,
        stored: &[StoredRootKey],
    ) -> Result<Self, UnlockError> {
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

    pub(super) fn active(&self) -> Result<&RootKey, VaultError> {
        self.keys
            .get(&self.active)
            .ok_or(VaultError::Integrity("the active root key is not loaded"))
    }

    /// The root key `id`, if it is loaded.
    pub(super) fn get(&self, id: RootKeyId) -> Option<&RootKey> {
        self.keys.get(&id)
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
        Ok(OrgKeyring::new(org, keys, active))
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

fn org_key_context(root: RootKeyId, org: OrgId, generation: i32) -> Context {
    Context::new(Purpose::OrganizationKey)
        .uuid(root.0)
        .uuid(org.0)
        .i64(generation.into())
}

#[cfg(test)]
impl RootKeyring {
    pub(super) fn for_tests() -> Self {
        let key = new_root_key(&strongroom_crypto::OsRandom).unwrap();
        Self {
            active: key.id(),
            keys: BTreeMap::from([(key.id(), key)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::OsRandom;

    use super::*;

    #[test]
    fn an_organisation_key_opens_only_for_its_organisation_and_generation() {
        let root = RootKeyring::for_tests();
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
}
