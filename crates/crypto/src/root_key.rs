use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::BASE32_NOPAD;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::secret::KEY_LEN;
use crate::{
    Context, CryptoError, Purpose, RandomSource, SecretBytes, SecretKey, SecretString, open, seal,
};

const PREFIX: &str = "strongroom-root-key-v1";
const CHECKSUM_LEN: usize = 4;

/// Names a root key. Not secret: it stands in the database, in messages and beside the key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RootKeyId(pub Uuid);

impl fmt::Display for RootKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The key at the top: it wraps organizations' keys and service keys, and seals nothing else.
#[derive(Debug, Clone)]
pub struct RootKey {
    id: RootKeyId,
    key: SecretKey,
}

/// Why a line is not a root key. Never quotes the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RootKeyTextError {
    /// It does not have the three parts `strongroom-root-key-v1:<id>:<key>`.
    #[error(
        "it is not of the form strongroom-root-key-v1:<id>:<key>, as `strongroom root-key new` writes it"
    )]
    Form,
    /// A character was mistyped or lost.
    #[error("its checksum is wrong: a character was changed or lost in copying")]
    Checksum,
}

/// How a passphrase becomes a root key with argon2id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassphraseParams {
    /// Random salt.
    pub salt: [u8; 16],
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl PassphraseParams {
    /// RFC 9106 § 4, second recommended option: 64 MiB, 3 passes, 4 lanes, 128-bit salt.
    ///
    /// # Errors
    /// [`CryptoError::Random`] when there is no salt to be had.
    pub fn generate(random: &dyn RandomSource) -> Result<Self, CryptoError> {
        let mut salt = [0; 16];
        random.fill(&mut salt)?;
        Ok(Self {
            salt,
            memory_kib: 64 * 1024,
            passes: 3,
            lanes: 4,
        })
    }
}

impl RootKey {
    /// A new random root key named `id`.
    ///
    /// # Errors
    /// [`CryptoError::Random`] when there is no randomness to be had.
    pub fn generate(id: RootKeyId, random: &dyn RandomSource) -> Result<Self, CryptoError> {
        let key = SecretKey::generate(random)?;
        Ok(Self { id, key })
    }

    /// The root key that `passphrase` stands for: argon2id (RFC 9106). Takes tenths of a second.
    ///
    /// # Errors
    /// [`CryptoError::PassphraseParams`] when argon2id refuses the parameters.
    pub fn from_passphrase(
        id: RootKeyId,
        passphrase: &SecretString,
        params: &PassphraseParams,
    ) -> Result<Self, CryptoError> {
        let argon = Params::new(
            params.memory_kib,
            params.passes,
            params.lanes,
            Some(KEY_LEN),
        )
        .map_err(|_| CryptoError::PassphraseParams)?;
        let mut key = Zeroizing::new([0; KEY_LEN]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, argon)
            .hash_password_into(
                passphrase.expose().as_bytes(),
                &params.salt,
                key.as_mut_slice(),
            )
            .map_err(|_| CryptoError::PassphraseParams)?;
        let key = SecretKey::from_slice(key.as_slice()).ok_or(CryptoError::PassphraseParams)?;
        Ok(Self { id, key })
    }

    /// Reads the one-line form that [`Self::to_text`] writes.
    ///
    /// # Errors
    /// [`RootKeyTextError`]; the text itself is never part of it.
    pub fn parse(text: &str) -> Result<Self, RootKeyTextError> {
        let mut parts = text.trim().split(':');
        let (Some(PREFIX), Some(id), Some(key), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(RootKeyTextError::Form);
        };
        let id = Uuid::try_parse(id).map_err(|_| RootKeyTextError::Form)?;
        let bytes = BASE32_NOPAD
            .decode(key.as_bytes())
            .map(Zeroizing::new)
            .map_err(|_| RootKeyTextError::Checksum)?;
        let (key, checksum) = bytes
            .split_at_checked(KEY_LEN)
            .ok_or(RootKeyTextError::Checksum)?;
        if checksum != text_checksum(id, key) {
            return Err(RootKeyTextError::Checksum);
        }
        let key = SecretKey::from_slice(key).ok_or(RootKeyTextError::Checksum)?;
        Ok(Self {
            id: RootKeyId(id),
            key,
        })
    }

    /// `strongroom-root-key-v1:<id>:<base32 of key and CRC-32>`.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_LEN + CHECKSUM_LEN));
        bytes.extend_from_slice(self.key.expose());
        bytes.extend_from_slice(&text_checksum(self.id.0, self.key.expose()));
        let encoded = Zeroizing::new(BASE32_NOPAD.encode(&bytes));
        SecretString::new(format!("{PREFIX}:{}:{}", self.id, *encoded))
    }

    /// Which root key this is.
    #[must_use]
    pub fn id(&self) -> RootKeyId {
        self.id
    }

    /// The key, for sealing and opening.
    #[must_use]
    pub fn key(&self) -> &SecretKey {
        &self.key
    }

    /// A value to store, by which [`Self::check`] later tells whether a key of this id is the same key.
    ///
    /// # Errors
    /// [`CryptoError::Random`] when there is no nonce to be had.
    pub fn check_value(&self, random: &dyn RandomSource) -> Result<Vec<u8>, CryptoError> {
        seal(&self.key, &self.check_context(), b"", random)
    }

    /// Whether `check_value` was made by this very key.
    #[must_use]
    pub fn check(&self, check_value: &[u8]) -> bool {
        open(&self.key, &self.check_context(), check_value)
            .is_ok_and(|opened: SecretBytes| opened.expose().is_empty())
    }

    fn check_context(&self) -> Context {
        Context::new(Purpose::RootKeyCheck).uuid(self.id.0)
    }
}

fn text_checksum(id: Uuid, key: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut crc = crc32fast::Hasher::new();
    crc.update(id.as_bytes());
    crc.update(key);
    crc.finalize().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OsRandom;

    fn key() -> RootKey {
        RootKey::generate(RootKeyId(Uuid::from_u128(5)), &OsRandom).unwrap()
    }

    #[test]
    fn text_form_round_trips_and_catches_typos() {
        let key = key();
        let text = key.to_text();
        let parsed = RootKey::parse(&format!(" {}\n", text.expose())).unwrap();
        assert!(parsed.check(&key.check_value(&OsRandom).unwrap()));

        for at in PREFIX.len() + 1..text.expose().len() {
            let mut typo = text.expose().as_bytes().to_vec();
            typo[at] = if typo[at] == b'A' { b'B' } else { b'A' };
            let typo = String::from_utf8(typo).unwrap();
            assert!(RootKey::parse(&typo).is_err(), "a typo at {at} passed");
        }
        assert_eq!(RootKey::parse("hello").unwrap_err(), RootKeyTextError::Form);
    }

    #[test]
    fn the_check_value_tells_keys_of_one_id_apart() {
        let (one, other) = (key(), key());
        let value = one.check_value(&OsRandom).unwrap();
        assert!(one.check(&value));
        assert!(!other.check(&value));
    }

    #[test]
    fn a_passphrase_yields_the_same_key_only_with_the_same_salt() {
        let id = RootKeyId(Uuid::from_u128(9));
        let passphrase = SecretString::new("correct horse battery staple".into());
        let params = PassphraseParams::generate(&OsRandom).unwrap();
        let one = RootKey::from_passphrase(id, &passphrase, &params).unwrap();
        let value = one.check_value(&OsRandom).unwrap();
        assert!(
            RootKey::from_passphrase(id, &passphrase, &params)
                .unwrap()
                .check(&value)
        );
        let other = PassphraseParams::generate(&OsRandom).unwrap();
        assert!(
            !RootKey::from_passphrase(id, &passphrase, &other)
                .unwrap()
                .check(&value)
        );
    }

    /// RFC 9106 § 5.3 uses a secret and associated data, which we do not; this vector is the reference
    /// implementation's (`test.c`, argon2id v=19, t=2, m=2^16 KiB, p=1, password, somesalt).
    #[test]
    fn argon2id_matches_the_reference() {
        let params = Params::new(65536, 2, 1, Some(32)).unwrap();
        let mut out = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(b"password", b"somesalt", &mut out)
            .unwrap();
        assert_eq!(
            data_encoding::HEXLOWER.encode(&out),
            "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"
        );
    }
}
