//! A verification failure in a backup. Contains no secrets.

use crate::ids::{CredentialId, OrgId};

/// A verification failure in a backup. Contains no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFinding {
    /// The organization.
    pub org: OrgId,
    /// The credential; `None` if the finding concerns keys or the audit trail.
    pub credential: Option<CredentialId>,
    /// The stable code of the finding.
    pub code: &'static str,
    /// The description, for humans.
    pub message: String,
}
