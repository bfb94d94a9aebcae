//! Bytes and keys: sealing, keyed digests, root keys.
//!
//! This crate is a leaf. It knows no table, no tenant type and no HTTP; callers describe what a
//! ciphertext or digest belongs to with a [`Context`].

mod context;
mod error;
mod mac;
mod random;
mod root_key;
mod seal;
mod secret;
mod sign;

pub use context::{Context, Purpose};
pub use error::CryptoError;
pub use mac::{DIGEST_LEN, Digest, mac, verify_mac};
pub use random::{OsRandom, RandomSource};
pub use root_key::{PassphraseParams, RootKey, RootKeyId, RootKeyTextError};
pub use seal::{FORMAT_VERSION, MIN_SEALED_LEN, open, open_key, seal, seal_key};
pub use secret::{KEY_LEN, SecretBytes, SecretKey, SecretString};
pub use sign::{PUBLIC_KEY_LEN, PublicKey, SIGNATURE_LEN, Signature, Signer, verify_signature};
