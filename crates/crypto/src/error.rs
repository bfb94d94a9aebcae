//! Errors of cryptographic operations.

/// The reason why a cryptographic operation failed. Contains no key, plaintext or ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// The value was sealed under another key or for another context, or it was altered.
    #[error("the sealed value does not open: wrong key, wrong context, or altered bytes")]
    DoesNotOpen,
    /// The sealed value is shorter than [`MIN_SEALED_LEN`](crate::MIN_SEALED_LEN), has an unknown
    /// [`FORMAT_VERSION`](crate::FORMAT_VERSION), or does not contain a key where one is expected.
    #[error("the sealed value has an unknown format")]
    UnknownFormat,
    /// The random source returned no bytes.
    #[error("the operating system's random source failed")]
    Random,
    /// The passphrase parameters are out of range for Argon2id (RFC 9106 § 3.1).
    #[error("the Argon2id parameters are out of range")]
    PassphraseParams,
    /// The text is no private key in PEM, or not one of RSA with at least 2048 bits.
    #[error("the private key is no RSA key of at least 2048 bits in PEM")]
    PrivateKey,
}
