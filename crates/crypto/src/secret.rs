//! Secret bytes, text and keys: wiped on drop, never printed, never serialized.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::CryptoError;
use crate::random::RandomSource;

/// Length of a [`SecretKey`], in bytes: a key of AES-256 (FIPS 197) or HMAC-SHA-256, or an Ed25519
/// seed.
pub const KEY_LEN: usize = 32;

/// Secret bytes of any length. They are wiped on drop, and never printed or serialized.
#[derive(Clone)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes ownership of `bytes`; the caller keeps no copy.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes. A comment at each call states why they are exposed.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Secret text. It is wiped on drop, and never printed or serialized.
#[derive(Clone)]
pub struct SecretString(Zeroizing<String>);

impl SecretString {
    /// Takes ownership of `text`; the caller keeps no copy.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text. A comment at each call states why it is exposed.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A 256-bit key. It is wiped on drop, and boxed so that a move leaves no copy behind.
#[derive(Clone)]
pub struct SecretKey(Box<Zeroizing<[u8; KEY_LEN]>>);

impl SecretKey {
    /// A key of [`KEY_LEN`] random bytes.
    ///
    /// # Errors
    /// [`CryptoError::Random`] if `random` returns no bytes.
    pub fn generate(random: &dyn RandomSource) -> Result<Self, CryptoError> {
        let mut key = Box::new(Zeroizing::new([0; KEY_LEN]));
        random.fill(key.as_mut_slice())?;
        Ok(Self(key))
    }

    /// The key with these bytes, or `None` if their number is not [`KEY_LEN`].
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Box::new(Zeroizing::new([0; KEY_LEN]));
        if bytes.len() != KEY_LEN {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self(key))
    }

    pub(crate) fn expose(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_print() {
        let shown = format!(
            "{:?} {:?} {:?}",
            SecretBytes::new(b"hush".to_vec()),
            SecretString::new("hush".into()),
            SecretKey::from_slice(&[7; 32])
        );
        assert_eq!(shown, "[redacted] [redacted] Some([redacted])");
    }

    #[test]
    fn a_key_has_exactly_32_bytes() {
        assert!(SecretKey::from_slice(&[0; 31]).is_none());
        assert!(SecretKey::from_slice(&[0; 33]).is_none());
    }
}
