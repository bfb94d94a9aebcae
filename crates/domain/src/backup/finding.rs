//! Something in a backup that does not verify.

use crate::ids::{CredentialId, OrgId};

/// Something in a backup that does not verify. Names no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFinding {
    /// The organization.
    pub org: OrgId,
    /// The credential; none when it is about keys or the audit trail.
    pub credential: Option<CredentialId>,
    /// A stable name.
    pub code: &'static str,
    /// What is wrong, for people.
    pub message: String,
}
