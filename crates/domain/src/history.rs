//! The values of a credential besides the current one: former ones, and one that waits to become
//! current.

use chrono::{DateTime, Utc};

use crate::credential::SealedCredential;
use crate::expiry::Expiry;
use crate::kinds::wire_enum;

/// The maximum number of former values that an organization keeps of each credential.
pub const MAX_VERSIONS_KEPT: i64 = 20;

wire_enum! {
    /// The stage of a value that is not the current one.
    Stage {
        /// It was current before the current one.
        Previous = 1 => "previous",
        /// It waits to become current.
        Pending = 2 => "pending",
    }
}

/// A value of a credential that is not the current one, as the database holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredVersion {
    /// The version of the value.
    pub value_version: i64,
    /// Its stage; `None` for a value before the previous one, and for a destroyed one.
    pub stage: Option<Stage>,
    /// The time since which it has this stage.
    pub staged_at: DateTime<Utc>,
    /// When it expires, if that is known.
    pub expiry: Option<Expiry>,
    /// The value.
    pub kept: Kept,
    /// The keyed digest over the other fields but the stage, which the digest of the history covers
    /// together with this one.
    pub digest: Vec<u8>,
}

/// What is left of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// All of it.
    Sealed(SealedValue),
    /// Nothing since this time.
    Destroyed(DateTime<Utc>),
}

/// A sealed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedValue {
    /// The generation of the organization's key that wraps `wrapped_key`.
    pub key_generation: i32,
    /// The wrapped data key of this value.
    pub wrapped_key: Vec<u8>,
    /// The blob, sealed with the data key.
    pub sealed_blob: Vec<u8>,
}

impl StoredVersion {
    /// The sealed value; `None` if it is destroyed.
    #[must_use]
    pub fn sealed(&self) -> Option<&SealedValue> {
        match &self.kept {
            Kept::Sealed(sealed) => Some(sealed),
            Kept::Destroyed(_) => None,
        }
    }
}

/// A credential that is changed.
#[derive(Debug, Clone)]
pub struct Current {
    /// Its row.
    pub row: SealedCredential,
    /// Its other values, the lowest version first. They are not verified.
    pub versions: Vec<StoredVersion>,
}

/// Changes of the values of a credential that are not the current one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct VersionChanges {
    /// New ones, and those that replace the ones with the same number.
    pub put: Vec<StoredVersion>,
    /// The numbers of those that are removed.
    pub removed: Vec<i64>,
}
