//! Keys as stored in the database: wrapped, never in plaintext.

use chrono::{DateTime, Utc};
use strongroom_crypto::{PassphraseParams, RootKeyId};

use crate::rotation::RootKeyState;

/// A root key as stored in the database: a value to verify it, never the key.
#[derive(Debug, Clone)]
pub struct StoredRootKey {
    /// The id of the root key.
    pub id: RootKeyId,
    /// The value that verifies a loaded key with this id.
    pub check_value: Vec<u8>,
    /// The derivation parameters, if the key is derived from a passphrase.
    pub passphrase: Option<PassphraseParams>,
    /// The state of the root key.
    pub state: RootKeyState,
    /// The time of its registration.
    pub created_at: DateTime<Utc>,
}

/// A service-wide key, wrapped by a root key.
#[derive(Debug, Clone)]
pub struct StoredServiceKey {
    /// The purpose of the key.
    pub purpose: String,
    /// The root key that wraps it.
    pub root_key: RootKeyId,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

/// One generation of an organization's key, wrapped by a root key.
#[derive(Debug, Clone)]
pub struct StoredOrgKey {
    /// The generation, starting at 1.
    pub generation: i32,
    /// The root key that wraps it.
    pub root_key: RootKeyId,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
    /// Whether it wraps new data keys. Exactly one generation is active.
    pub active: bool,
}

/// A data key, re-wrapped with another generation of its organization's key.
#[derive(Debug)]
pub struct Rewrapped {
    /// The generation.
    pub key_generation: i32,
    /// The wrapped data key.
    pub wrapped_key: Vec<u8>,
}
