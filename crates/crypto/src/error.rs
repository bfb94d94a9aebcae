/// Why a cryptographic operation failed. Carries no key, plaintext or ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// The ciphertext was not made under this key for this context, or was changed since.
    #[error("the sealed value does not open: wrong key, wrong place, or altered bytes")]
    DoesNotOpen,
    /// The sealed value is shorter than any valid one, or of a format this program does not know.
    #[error("the sealed value has an unknown format")]
    UnknownFormat,
    /// The operating system gave no random bytes.
    #[error("the operating system's random source failed")]
    Random,
    /// The passphrase parameters are outside what argon2id allows.
    #[error("the argon2id parameters are out of range")]
    PassphraseParams,
}
