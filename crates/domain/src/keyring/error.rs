//! Why configured keys do not fit the stored ones.

use strongroom_crypto::CryptoError;

/// A root key or service key is wrong or missing. Names the key, never its value; trying again does
/// not help.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct KeyringError(pub String);

impl From<CryptoError> for KeyringError {
    fn from(error: CryptoError) -> Self {
        Self(error.to_string())
    }
}
