//! Cryptography: sealing, keyed digests, signatures, root keys.
//!
//! This crate depends on no other crate of the workspace, and knows no tables, tenants or HTTP. A
//! caller binds a ciphertext, digest or signature to its place with a [`Context`].

mod context;
mod error;
mod mac;
mod merkle;
mod random;
mod root_key;
mod rsa;
mod seal;
mod secret;
mod sign;

pub use context::{Context, FORMAT_VERSION, Purpose};
pub use error::CryptoError;
pub use mac::{DIGEST_LEN, Digest, mac, verify_mac};
pub use merkle::{MerkleTree, is_included};
pub use random::{Drawn, OsRandom, RandomSource};
pub use root_key::{PassphraseParams, RootKey, RootKeyId, RootKeyTextError};
pub use rsa::RsaSigner;
pub use seal::{MIN_SEALED_LEN, open, open_key, seal, seal_key};
pub use secret::{KEY_LEN, SecretBytes, SecretKey, SecretString};
pub use sign::{PUBLIC_KEY_LEN, PublicKey, SIGNATURE_LEN, Signature, Signer, verify_signature};
