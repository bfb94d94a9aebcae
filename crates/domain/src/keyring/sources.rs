//! The configured root keys and passphrases.

use chrono::{DateTime, Utc};
use strongroom_crypto::{
    CryptoError, PassphraseParams, RandomSource, RootKey, RootKeyId, SecretString,
};
use uuid::Uuid;

use crate::keyring::error::KeyringError;
use crate::keyring::stored::StoredRootKey;
use crate::rotation::RootKeyState;

/// The configured unlock secrets: root keys, and passphrases from which root keys are derived.
#[derive(Debug, Clone, Default)]
pub struct RootKeySources {
    /// Root keys, newest last.
    pub keys: Vec<RootKey>,
    /// Passphrases, from which keys are derived with argon2id (RFC 9106).
    pub passphrases: Vec<SecretString>,
    /// The same passphrases as they were given with a line break at the end. Earlier versions took
    /// it as a part of the passphrase, so a database may have been sealed with it.
    pub passphrases_with_line_end: Vec<SecretString>,
}

/// A new root key with a random id.
///
/// # Errors
/// [`CryptoError::Random`] if the random source fails.
pub fn new_root_key(random: &dyn RandomSource) -> Result<RootKey, CryptoError> {
    let mut id = [0; 16];
    random.fill(&mut id)?;
    let id: Uuid = uuid::Builder::from_random_bytes(id).into_uuid();
    RootKey::generate(RootKeyId(id), random)
}

/// The first root key of an empty database: the newest key, or else a new key derived from the
/// newest passphrase.
pub(crate) fn first_root_key(
    sources: &RootKeySources,
    now: DateTime<Utc>,
    random: &dyn RandomSource,
) -> Result<StoredRootKey, KeyringError> {
    let (key, passphrase) = match (sources.keys.last(), sources.passphrases.last()) {
        (Some(key), _) => (key.clone(), None),
        (None, Some(passphrase)) => {
            let mut id = [0; 16];
            random.fill(&mut id)?;
            let id = RootKeyId(uuid::Builder::from_random_bytes(id).into_uuid());
            let params = PassphraseParams::generate(random)?;
            let key = RootKey::from_passphrase(id, passphrase, &params)?;
            (key, Some(params))
        }
        (None, None) => return Err(KeyringError("no root key is configured".into())),
    };
    Ok(stored_root_key(
        &key,
        passphrase,
        RootKeyState::Active,
        now,
        random,
    )?)
}

/// The database row of `key`.
///
/// # Errors
/// [`CryptoError::Random`] if the random source fails.
pub(crate) fn stored_root_key(
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

/// The result of the search for a root key of the database.
#[derive(Debug)]
pub enum RootKeyLookup {
    /// The key is configured and correct.
    Match(RootKey),
    /// A key with its id is configured but differs, or no passphrase matches.
    Mismatch,
    /// The key is not configured.
    Missing,
}

impl RootKeySources {
    /// Adds those of `other` as the newest.
    pub fn extend(&mut self, other: Self) {
        self.keys.extend(other.keys);
        self.passphrases.extend(other.passphrases);
        self.passphrases_with_line_end
            .extend(other.passphrases_with_line_end);
    }

    /// Searches for the key of `row`. Each passphrase takes tenths of a second.
    ///
    /// # Errors
    /// [`CryptoError`] if argon2id rejects the stored parameters.
    pub fn find(&self, row: &StoredRootKey) -> Result<RootKeyLookup, CryptoError> {
        let Some(params) = &row.passphrase else {
            let key = self.keys.iter().rfind(|key| key.id() == row.id);
            return Ok(match key {
                None => RootKeyLookup::Missing,
                Some(key) if key.check(&row.check_value) => RootKeyLookup::Match(key.clone()),
                Some(_) => RootKeyLookup::Mismatch,
            });
        };
        let derived = |passphrases: &[SecretString]| {
            for passphrase in passphrases {
                let key = RootKey::from_passphrase(row.id, passphrase, params)?;
                if key.check(&row.check_value) {
                    return Ok(Some(key));
                }
            }
            Ok(None)
        };
        if let Some(key) = derived(&self.passphrases)? {
            return Ok(RootKeyLookup::Match(key));
        }
        if let Some(key) = derived(&self.passphrases_with_line_end)? {
            tracing::warn!(
                root_key = %row.id,
                "the line break at the end of the passphrase is a part of it, since this database \
                 was sealed with it by an earlier version; it matches from the variable or the \
                 TOML file alone, not from root_key_passphrase_file; `strongroom rotate root` \
                 replaces it by a key in a file"
            );
            return Ok(RootKeyLookup::Match(key));
        }
        Ok(if self.passphrases.is_empty() {
            RootKeyLookup::Missing
        } else {
            RootKeyLookup::Mismatch
        })
    }

    fn describe(&self) -> String {
        let mut names: Vec<_> = self.keys.iter().map(|key| key.id().to_string()).collect();
        match self.passphrases.len() {
            0 => {}
            1 => names.push("a passphrase".into()),
            several => names.push(format!("{several} passphrases")),
        }
        if names.is_empty() {
            return "nothing".into();
        }
        names.join(", ")
    }
}

pub(crate) fn missing_root_key(sources: &RootKeySources, row: &StoredRootKey) -> String {
    let kind = if row.passphrase.is_some() {
        "a passphrase"
    } else {
        "a key from a file or variable"
    };
    format!(
        "root key {} is missing: this database needs it ({kind}), and configured is only {}",
        row.id,
        sources.describe()
    )
}

pub(crate) fn wrong_root_key(row: &StoredRootKey) -> String {
    let id = row.id;
    if row.passphrase.is_some() {
        return format!(
            "root key {id} is wrong: no configured passphrase matches the one that sealed this \
             database"
        );
    }
    format!(
        "root key {id} is wrong: the configured key has this id, but differs from the key that \
         sealed this database"
    )
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::OsRandom;

    use super::*;

    #[test]
    fn a_passphrase_that_was_used_with_its_line_break_goes_on_opening() {
        let secret = |text: &str| vec![SecretString::new(text.to_owned())];
        let (bare, broken) = ("correct horse battery", "correct horse battery\n");
        let earlier = RootKeySources {
            passphrases: secret(broken),
            ..RootKeySources::default()
        };
        let row = first_root_key(&earlier, DateTime::UNIX_EPOCH, &OsRandom).unwrap();
        let mut sources = RootKeySources {
            passphrases: secret(bare),
            ..RootKeySources::default()
        };
        let found = |sources: &RootKeySources| sources.find(&row).unwrap();
        assert!(matches!(found(&sources), RootKeyLookup::Mismatch));
        sources.passphrases_with_line_end = secret(broken);
        assert!(matches!(found(&sources), RootKeyLookup::Match(_)));
    }
}
