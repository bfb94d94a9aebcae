//! The error of keys that do not match the database.

use strongroom_crypto::CryptoError;

/// A root key or service key is wrong or missing. The text contains the key's id, never its value.
/// Retrying does not help.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct KeyringError(pub String);

impl From<CryptoError> for KeyringError {
    fn from(error: CryptoError) -> Self {
        Self(error.to_string())
    }
}
