//! Sources of random bytes.

use crate::error::CryptoError;

/// A source of random bytes for keys, nonces and identifiers. Tests pass a fixed source.
pub trait RandomSource: Send + Sync {
    /// Fills `dest` with random bytes.
    ///
    /// # Errors
    /// [`CryptoError::Random`] if the source returns no bytes. The content of `dest` is then
    /// unspecified.
    fn fill(&self, dest: &mut [u8]) -> Result<(), CryptoError>;
}

/// The operating system's generator (on Linux, `getrandom(2)`).
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl RandomSource for OsRandom {
    fn fill(&self, dest: &mut [u8]) -> Result<(), CryptoError> {
        getrandom::fill(dest).map_err(|_| CryptoError::Random)
    }
}
