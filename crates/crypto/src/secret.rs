use std::fmt;

use zeroize::Zeroizing;

/// Length of every symmetric key here, in bytes (AES-256, HMAC-SHA-256).
pub const KEY_LEN: usize = 32;

/// Secret bytes of any length. Wiped on drop, never printed, never serialized.
#[derive(Clone)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes ownership of `bytes`; the caller keeps no copy.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves. Name the reason where you call this.
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

/// Secret text. Wiped on drop, never printed, never serialized.
#[derive(Clone)]
pub struct SecretString(Zeroizing<String>);

impl SecretString {
    /// Takes ownership of `text`; the caller keeps no copy.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Name the reason where you call this.
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

/// A 256-bit key. Boxed, so that moving it leaves no copy behind; wiped on drop.
#[derive(Clone)]
pub struct SecretKey(Box<Zeroizing<[u8; KEY_LEN]>>);

impl SecretKey {
    /// A key of 32 random bytes.
    ///
    /// # Errors
    /// [`CryptoError::Random`](crate::CryptoError::Random) when `random` gives none.
    pub fn generate(random: &dyn crate::RandomSource) -> Result<Self, crate::CryptoError> {
        let mut key = Box::new(Zeroizing::new([0; KEY_LEN]));
        random.fill(key.as_mut_slice())?;
        Ok(Self(key))
    }

    /// The key held by `bytes`, or `None` when these are not exactly 32.
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
