//! Root keys: generation, derivation from a passphrase, text form and check value.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::BASE32_NOPAD;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::context::{Context, Purpose};
use crate::error::CryptoError;
use crate::random::RandomSource;
use crate::seal::{open, seal};
use crate::secret::{KEY_LEN, SecretBytes, SecretKey, SecretString};

/// The first part of the text form.
const PREFIX: &str = "strongroom-root-key-v1";
/// Length of a CRC-32, in bytes.
const CHECKSUM_LEN: usize = 4;

/// The id of a root key. It is not secret: it is stored in the database, and messages contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RootKeyId(pub Uuid);

impl fmt::Display for RootKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The top of the key hierarchy: it wraps organizations' keys and service keys, and seals no other
/// data.
#[derive(Debug, Clone)]
pub struct RootKey {
    id: RootKeyId,
    key: SecretKey,
}

/// The reason why a text is not a root key. Never contains the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RootKeyTextError {
    /// The text does not have the form `strongroom-root-key-v1:<id>:<key>`.
    #[error(
        "it does not have the form strongroom-root-key-v1:<id>:<key>, in which \
         `strongroom root-key new` writes a key"
    )]
    Form,
    /// The key is not valid Base32, has another length, or does not match its checksum.
    #[error("its checksum does not match: a character was changed or lost in copying")]
    Checksum,
}

/// The parameters that derive a root key from a passphrase with Argon2id (RFC 9106 § 3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassphraseParams {
    /// The random salt (S), 16 bytes.
    pub salt: [u8; 16],
    /// The memory size (m), in KiB.
    pub memory_kib: u32,
    /// The number of passes over the memory (t).
    pub passes: u32,
    /// The degree of parallelism (p): the number of lanes.
    pub lanes: u32,
}

impl PassphraseParams {
    /// Parameters with a new salt: the second recommended option of RFC 9106 § 4 (64 MiB, 3
    /// passes, 4 lanes, a 128-bit salt).
    ///
    /// # Errors
    /// [`CryptoError::Random`] if `random` returns no salt.
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
    /// A new random root key with this id.
    ///
    /// # Errors
    /// [`CryptoError::Random`] if `random` returns no bytes.
    pub fn generate(id: RootKeyId, random: &dyn RandomSource) -> Result<Self, CryptoError> {
        let key = SecretKey::generate(random)?;
        Ok(Self { id, key })
    }

    /// Derives the root key from `passphrase` with Argon2id version 0x13 (RFC 9106), which takes
    /// tenths of a second.
    ///
    /// # Errors
    /// [`CryptoError::PassphraseParams`] if the parameters are out of range.
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

    /// Parses the text form that [`Self::to_text`] writes. White space around it is ignored.
    ///
    /// # Errors
    /// [`RootKeyTextError`], which never contains the text.
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

    /// The text form, one line: `strongroom-root-key-v1:<id>:<key>`, where `<key>` is the Base32
    /// encoding (RFC 4648 § 6, without padding) of the 32-byte key followed by a CRC-32
    /// (big-endian) of the id and the key.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_LEN + CHECKSUM_LEN));
        bytes.extend_from_slice(self.key.expose());
        bytes.extend_from_slice(&text_checksum(self.id.0, self.key.expose()));
        let encoded = Zeroizing::new(BASE32_NOPAD.encode(&bytes));
        SecretString::new(format!("{PREFIX}:{}:{}", self.id, *encoded))
    }

    /// The id of the key.
    #[must_use]
    pub fn id(&self) -> RootKeyId {
        self.id
    }

    /// The key, for sealing and opening.
    #[must_use]
    pub fn key(&self) -> &SecretKey {
        &self.key
    }

    /// A value to store, with which [`Self::check`] later verifies that a key with this id is the
    /// same key: an empty plaintext, sealed under the key (29 bytes).
    ///
    /// # Errors
    /// [`CryptoError::Random`] if `random` returns no nonce.
    pub fn check_value(&self, random: &dyn RandomSource) -> Result<Vec<u8>, CryptoError> {
        seal(&self.key, &self.check_context(), b"", random)
    }

    /// Whether [`Self::check_value`] of the same key and id returned `check_value`.
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
    use crate::random::OsRandom;

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
    fn the_check_value_distinguishes_keys_with_the_same_id() {
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

    /// The vector of RFC 9106 § 5.3 has a secret and associated data, which are not used here.
    /// This one is from the reference implementation (`test.c`, argon2id v=19, t=2, m=2^16 KiB,
    /// p=1, password, somesalt).
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
