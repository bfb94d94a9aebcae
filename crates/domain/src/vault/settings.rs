//! The settings of the vault.

use crate::blob::BlobValidation;
use crate::ids::OrgId;

/// Settings of a vault.
#[derive(Debug, Clone, Copy)]
pub struct VaultSettings {
    /// The rules by which blobs are validated.
    pub blob_validation: BlobValidation,
    /// The organization whose users' keys callers without an API key may manage; normally `None`.
    pub anonymous_org: Option<OrgId>,
    /// The maximum size of a blob that a merge makes, in bytes.
    pub max_merged_blob: usize,
    /// The version of the program, for the state of the system.
    pub version: &'static str,
}

impl Default for VaultSettings {
    fn default() -> Self {
        Self {
            blob_validation: BlobValidation::default(),
            anonymous_org: None,
            max_merged_blob: 64 * 1024,
            version: "",
        }
    }
}
