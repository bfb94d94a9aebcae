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
use crate::rotation::RootKeyState;
use crate::store::{StoredOrgKey, StoredRootKey};

/// What is configured to unlock with: any number of keys, and passphrases that stand for keys.
#[derive(Debug, Clone, Default)]
pub struct RootKeySources {
    /// Keys themselves, newest last.
    pub keys: Vec<RootKey>,
    /// Passphrases, made into keys with argon2id.
    pub passphrases: Vec<SecretString>,
}

/// The loaded root keys, every one checked against the database.
#[derive(Debug, Clone)]
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

/// The row by which an empty database learns its root key: the newest key, else the passphrase.
pub(super) fn first(
    sources: &RootKeySources,
    now: DateTime<Utc>,
    random: &dyn RandomSource,
) -> Result<StoredRootKey, UnlockError> {
    let (key, passphrase) = match (sources.keys.last(), sources.passphrases.last()) {
        (Some(key), _) => (key.clone(), None),
        (None, Some(passphrase)) => {
            let mut id = [0; 16];
            random.fill(&mut id).map_err(fatal)?;
            let id = RootKeyId(uuid::Builder::from_random_bytes(id).into_uuid());
            let params = PassphraseParams::generate(random).map_err(fatal)?;
            let key = RootKey::from_passphrase(id, passphrase, &params).map_err(fatal)?;
            (key, Some(params))
        }
        (None, None) => return Err(UnlockError::Fatal("no root key is configured".into())),
    };
    stored(&key, passphrase, RootKeyState::Active, now, random).map_err(fatal)
}

/// What the database keeps of `key`.
///
/// # Errors
/// [`CryptoError::Random`] when there is no randomness to be had.
pub(crate) fn stored(
    key: &RootKey,
    passphrase: Option<PassphraseParams>,
    state: RootKeyState,
    created_at: DateTime<Utc>,
    random: &dyn RandomSource,
) -> Result<StoredRootKey, CryptoError> {
    Ok(StoredRootKey {
        id: key.id(),
        check_value: key.check_value(random)?,
        passphrase,
        state,
        created_at,
    })
}

/// What became of one root key that the database knows.
#[derive(Debug)]
pub enum Found {
    /// It is configured, and it is the right one.
    Right(RootKey),
    /// A key of its id is configured, but it is another key; or no passphrase fits.
    Wrong,
    /// It is not configured.
    Missing,
}

impl RootKeySources {
    /// Looks for the key that `row` describes. A passphrase takes tenths of a second to try.
    ///
    /// # Errors
    /// [`CryptoError`] when argon2id refuses the stored parameters.
    pub fn find(&self, row: &StoredRootKey) -> Result<Found, CryptoError> {
        let Some(params) = &row.passphrase else {
            let key = self.keys.iter().rfind(|key| key.id() == row.id);
            return Ok(match key {
                None => Found::Missing,
                Some(key) if key.check(&row.check_value) => Found::Right(key.clone()),
                Some(_) => Found::Wrong,
            });
        };
        for passphrase in &self.passphrases {
            let key = RootKey::from_passphrase(row.id, passphrase, params)?;
            if key.check(&row.check_value) {
                return Ok(Found::Right(key));
            }
        }
        Ok(if self.passphrases.is_empty() {
            Found::Missing
        } else {
            Found::Wrong
        })
    }

    fn shown(&self) -> String {
        let mut shown: Vec<_> = self.keys.iter().map(|key| key.id().to_string()).collect();
        match self.passphrases.len() {
            0 => {}
            1 => shown.push("a passphrase".into()),
            several => shown.push(format!("{several} passphrases")),
        }
        if shown.is_empty() {
            return "nothing".into();
        }
        shown.join(", ")
    }
}

impl RootKeyring {
    /// Every key that `stored` names and `sources` have. One that still wraps something must be there.
    pub(super) fn load(
        sources: &RootKeySources,
        stored: &[StoredRootKey],
    ) -> Result<Self, UnlockError> {
        let active = stored.iter().find(|row| row.state == RootKeyState::Active);
        let none = || UnlockError::Fatal("the database has no active root key".into());
        let mut ring = Self {
            keys: BTreeMap::new(),
            active: active.ok_or_else(none)?.id,
        };
        ring.add(sources, stored)?;
        Ok(ring)
    }

    /// The same ring with what has come since: keys that `sources` have now, and another active one; without
    /// those that were retired.
    ///
    /// # Errors
    /// [`UnlockError::Fatal`] as when unlocking.
    pub(crate) fn refreshed(
        &self,
        sources: &RootKeySources,
        stored: &[StoredRootKey],
    ) -> Result<Self, UnlockError> {
        let mut ring = self.clone();
        let retired = |row: &&StoredRootKey| row.state == RootKeyState::Retired;
        for row in stored.iter().filter(retired) {
            ring.keys.remove(&row.id);
        }
        if let Some(row) = stored.iter().find(|row| row.state == RootKeyState::Active) {
            ring.active = row.id;
        }
        ring.add(sources, stored)?;
        Ok(ring)
    }

    fn add(
        &mut self,
        sources: &RootKeySources,
        stored: &[StoredRootKey],
    ) -> Result<(), UnlockError> {
        for row in stored {
            if row.state == RootKeyState::Retired || self.keys.contains_key(&row.id) {
                continue;
            }
            let needed = matches!(row.state, RootKeyState::Active | RootKeyState::Superseded);
            // An old passphrase is not worth the time that trying it takes.
            if !needed && row.passphrase.is_some() {
                continue;
            }
            match sources.find(row).map_err(fatal)? {
                Found::Right(key) => {
                    self.keys.insert(row.id, key);
                }
                Found::Wrong => return Err(UnlockError::Fatal(wrong_root_key(row))),
                Found::Missing if needed => {
                    return Err(UnlockError::Fatal(missing_root_key(sources, row)));
                }
                Found::Missing => {}
            }
        }
        Ok(())
    }

    /// The ids of the keys that are held.
    #[must_use]
    pub fn held(&self) -> Vec<RootKeyId> {
        self.keys.keys().copied().collect()
    }

    /// Which root key wraps what is new.
    #[must_use]
    pub fn active_id(&self) -> RootKeyId {
        self.active
    }

    pub(super) fn active(&self) -> Result<&RootKey, VaultError> {
        self.keys
            .get(&self.active)
            .ok_or_else(|| not_held(self.active))
    }

    /// The root key `id`, if it is loaded.
    pub(super) fn get(&self, id: RootKeyId) -> Option<&RootKey> {
        self.keys.get(&id)
    }

    /// A new key for generation `generation` of organization `org`, wrapped by the active root key.
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

    fn open_org_key(&self, org: OrgId, row: &StoredOrgKey) -> Result<SecretKey, VaultError> {
        let root = self
            .get(row.root_key)
            .ok_or_else(|| not_held(row.root_key))?;
        let context = org_key_context(root.id(), org, row.generation);
        Ok(open_key(root.key(), &context, &row.wrapped)?)
    }

    /// The same organization key, wrapped by the active root key.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] when it does not open.
    pub fn rewrap_org_key(
        &self,
        org: OrgId,
        row: &StoredOrgKey,
        random: &dyn RandomSource,
    ) -> Result<StoredOrgKey, VaultError> {
        self.rewrap_org_key_from(self, org, row, random)
    }

    /// The same organization key, unwrapped by a root key of `other` and wrapped by the active one here.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] when it does not open.
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

    /// Those generations of organization `org`'s key that unwrap, and the numbers of those that do not. Without an
    /// active one the ring opens, and cannot seal.
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
    /// [`VaultError::Integrity`] when one does not open, or none is active; [`VaultError::Unavailable`] when a
    /// root key that it names is not held.
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

fn missing_root_key(sources: &RootKeySources, row: &StoredRootKey) -> String {
    let kind = if row.passphrase.is_some() {
        "a passphrase"
    } else {
        "a key from a file or variable"
    };
    format!(
        "root key {} is missing: this database needs it ({kind}), and configured is only {}",
        row.id,
        sources.shown()
    )
}

fn wrong_root_key(row: &StoredRootKey) -> String {
    let id = row.id;
    if row.passphrase.is_some() {
        return format!(
            "root key {id} is wrong: no configured passphrase is the one that this database was sealed with"
        );
    }
    format!(
        "root key {id} is wrong: the configured key bears this id, but is not the key that this database was \
         sealed with"
    )
}

// A rotation waits until every running server holds the new key; one that slept through it reads its key file
// again within seconds.
fn not_held(id: RootKeyId) -> VaultError {
    VaultError::Unavailable(format!("root key {id} is not held by this server"))
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
