//! The loaded root keys, which wrap organizations' keys.

use std::collections::BTreeMap;

use strongroom_crypto::{
    Context, Purpose, RandomSource, RootKey, RootKeyId, SecretKey, open_key, seal_key,
};

use crate::error::VaultError;
use crate::ids::OrgId;
use crate::keyring::error::KeyringError;
use crate::keyring::organization::OrgKeyring;
use crate::keyring::sources::{RootKeyLookup, RootKeySources, missing_root_key, wrong_root_key};
use crate::keyring::stored::{StoredOrgKey, StoredRootKey};
use crate::rotation::RootKeyState;

/// The loaded root keys. Each was verified against the database.
#[derive(Debug, Clone)]
pub struct RootKeyring {
    keys: BTreeMap<RootKeyId, RootKey>,
    active: RootKeyId,
    /// The keys of the database that could not be loaded, and why.
    unavailable: BTreeMap<RootKeyId, String>,
}

impl RootKeyring {
    /// Loads the keys in `stored` that `sources` contain. Only the active one is required: the
    /// servers' role can insert rows of root keys, and a row that wraps no key must not keep a
    /// server from starting. The others are in [`Self::unavailable`].
    pub(crate) fn load(
        sources: &RootKeySources,
        stored: &[StoredRootKey],
    ) -> Result<Self, KeyringError> {
        let active = stored.iter().find(|row| row.state == RootKeyState::Active);
        let none = || KeyringError("the database has no active root key".into());
        let mut ring = Self {
            keys: BTreeMap::new(),
            active: active.ok_or_else(none)?.id,
            unavailable: BTreeMap::new(),
        };
        ring.add(sources, stored.iter())?;
        Ok(ring)
    }

    /// A copy of the keyring that reflects changes: new keys in `sources`, and retired keys
    /// removed.
    ///
    /// # Errors
    /// [`KeyringError`] as for unlocking.
    pub(crate) fn refreshed(
        &self,
        sources: &RootKeySources,
        stored: &[StoredRootKey],
    ) -> Result<Self, KeyringError> {
        let mut ring = self.clone();
        let retired = |row: &&StoredRootKey| row.state == RootKeyState::Retired;
        for row in stored.iter().filter(retired) {
            ring.keys.remove(&row.id);
        }
        // Trying a passphrase is expensive, and only the first root key can be one.
        ring.add(
            sources,
            stored.iter().filter(|row| row.passphrase.is_none()),
        )?;
        Ok(ring)
    }

    /// The same keys, with `active` as the one that wraps new keys. It need not be loaded.
    #[must_use]
    pub(crate) fn with_active(self, active: RootKeyId) -> Self {
        Self { active, ..self }
    }

    fn add<'r>(
        &mut self,
        sources: &RootKeySources,
        stored: impl Iterator<Item = &'r StoredRootKey>,
    ) -> Result<(), KeyringError> {
        for row in stored {
            if row.state == RootKeyState::Retired || self.keys.contains_key(&row.id) {
                continue;
            }
            let needed = matches!(row.state, RootKeyState::Active | RootKeyState::Superseded);
            // Trying a passphrase is expensive, so passphrases of unneeded keys are not tried.
            if !needed && row.passphrase.is_some() {
                continue;
            }
            let why = match sources.find(row) {
                Ok(RootKeyLookup::Match(key)) => {
                    self.unavailable.remove(&row.id);
                    self.keys.insert(row.id, key);
                    continue;
                }
                Ok(RootKeyLookup::Missing) if !needed => continue,
                Ok(RootKeyLookup::Missing) => missing_root_key(sources, row),
                Ok(RootKeyLookup::Mismatch) => wrong_root_key(row),
                Err(error) => format!("root key {} cannot be derived: {error}", row.id),
            };
            if row.state == RootKeyState::Active {
                return Err(KeyringError(why));
            }
            self.unavailable.insert(row.id, why);
        }
        Ok(())
    }

    /// The keys of the database that could not be loaded, and why. They are needed only if they
    /// wrap a key.
    pub fn unavailable(&self) -> impl Iterator<Item = (RootKeyId, &str)> {
        self.unavailable.iter().map(|(id, why)| (*id, why.as_str()))
    }

    /// The ids of the loaded keys.
    #[must_use]
    pub fn ids(&self) -> Vec<RootKeyId> {
        self.keys.keys().copied().collect()
    }

    /// The id of the root key that wraps new keys.
    #[must_use]
    pub fn active_id(&self) -> RootKeyId {
        self.active
    }

    pub(crate) fn active(&self) -> Result<&RootKey, VaultError> {
        self.keys
            .get(&self.active)
            .ok_or_else(|| not_loaded(self.active))
    }

    /// The root key `id`, if loaded.
    pub(super) fn get(&self, id: RootKeyId) -> Option<&RootKey> {
        self.keys.get(&id)
    }

    /// A new organization key for `generation` of `org`, wrapped with the active root key.
    ///
    /// # Errors
    /// [`VaultError::Internal`] if the random source fails.
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

    fn open_org_key(&self, org: OrgId, row: &StoredOrgKey) -> Result<SecretKey, VaultError> {
        let root = self
            .get(row.root_key)
            .ok_or_else(|| not_loaded(row.root_key))?;
        let context = org_key_context(root.id(), org, row.generation);
        Ok(open_key(root.key(), &context, &row.wrapped)?)
    }

    /// Re-wraps an organization key with the active root key.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if the key does not open.
    pub fn rewrap_org_key(
        &self,
        org: OrgId,
        row: &StoredOrgKey,
        random: &dyn RandomSource,
    ) -> Result<StoredOrgKey, VaultError> {
        self.rewrap_org_key_from(self, org, row, random)
    }

    /// Unwraps an organization key with a root key of `other` and wraps it with the active root key
    /// of this keyring.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if the key does not open.
    pub fn rewrap_org_key_from(
        &self,
        other: &Self,
        org: OrgId,
        row: &StoredOrgKey,
        random: &dyn RandomSource,
    ) -> Result<StoredOrgKey, VaultError> {
        let key = other.open_org_key(org, row)?;
        let root = self.active()?;
        let context = org_key_context(root.id(), org, row.generation);
        Ok(StoredOrgKey {
            root_key: root.id(),
            wrapped: seal_key(root.key(), &context, &key, random)?,
            ..row.clone()
        })
    }

    /// The generations of organization `org`'s key that unwrap, and the numbers of those that do
    /// not. Without an active generation, the keyring can open and not seal.
    #[must_use]
    pub fn open_org_keys_each(
        &self,
        org: OrgId,
        stored: &[StoredOrgKey],
    ) -> (OrgKeyring, Vec<i32>) {
        let (mut keys, mut broken, mut active) = (BTreeMap::new(), Vec::new(), 0);
        for row in stored {
            match self.open_org_key(org, row) {
                Ok(key) => {
                    keys.insert(row.generation, key);
                }
                Err(_) => broken.push(row.generation),
            }
            if row.active {
                active = row.generation;
            }
        }
        (OrgKeyring::new(org, keys, active), broken)
    }

    /// Unwraps all generations of organization `org`'s key.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if one does not open or none is active;
    /// [`VaultError::Unavailable`] if a root key that one of them names is not loaded.
    pub fn open_org_keys(
        &self,
        org: OrgId,
        stored: &[StoredOrgKey],
    ) -> Result<OrgKeyring, VaultError> {
        let mut keys = BTreeMap::new();
        let mut active = None;
        for row in stored {
            keys.insert(row.generation, self.open_org_key(org, row)?);
            if row.active {
                active = Some(row.generation);
            }
        }
        let active = active.ok_or(VaultError::Integrity("the organization has no active key"))?;
        Ok(OrgKeyring::new(org, keys, active))
    }
}

// A rotation waits until every running server has loaded the new key. A server that was suspended
// in the meantime reads its key file again within seconds.
fn not_loaded(id: RootKeyId) -> VaultError {
    VaultError::Unavailable(format!("root key {id} is not loaded on this server"))
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
        let key = crate::keyring::sources::new_root_key(&strongroom_crypto::OsRandom).unwrap();
        Self {
            active: key.id(),
            keys: BTreeMap::from([(key.id(), key)]),
            unavailable: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::OsRandom;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_organization_key_opens_only_for_its_organization_and_generation() {
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
