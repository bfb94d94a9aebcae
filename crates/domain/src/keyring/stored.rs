//! Keys as the database holds them: wrapped, never in the clear.

use chrono::{DateTime, Utc};
use strongroom_crypto::{PassphraseParams, RootKeyId};

use crate::rotation::RootKeyState;

/// A root key that the database knows: never the key, only how to tell it.
#[derive(Debug, Clone)]
pub struct StoredRootKey {
    /// Its id.
    pub id: RootKeyId,
    /// The value by which a loaded key of this id is checked.
    pub check_value: Vec<u8>,
    /// How to derive it, when it is a passphrase.
    pub passphrase: Option<PassphraseParams>,
    /// Where it stands in its life.
    pub state: RootKeyState,
    /// When it was first used.
    pub created_at: DateTime<Utc>,
}

/// A service-wide key, wrapped by a root key.
#[derive(Debug, Clone)]
pub struct StoredServiceKey {
    /// What it is for.
    pub purpose: String,
    /// The root key that wraps it.
    pub root_key: RootKeyId,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

/// One generation of an organization's key, wrapped by a root key.
#[derive(Debug, Clone)]
pub struct StoredOrgKey {
    /// From 1 upwards.
    pub generation: i32,
    /// The root key that wraps it.
    pub root_key: RootKeyId,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
    /// Whether new data keys are wrapped by it. One generation is active at a time.
    pub active: bool,
}

/// A data key under another generation of its organization's key.
#[derive(Debug)]
pub struct Rewrapped {
    /// The generation.
    pub key_generation: i32,
    /// The wrapped data key.
    pub wrapped_key: Vec<u8>,
}
