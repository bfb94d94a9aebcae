//! Why a key that this service issued was refused.

use crate::ids::{KeyId, OrgId};

/// A key of this service that was refused. Its sender must not learn more than of an unknown key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedKey {
    /// The key's organization.
    pub org: OrgId,
    /// The key.
    pub id: KeyId,
    /// The reason.
    pub reason: RefusalReason,
}

/// The reason for which a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// The key is genuine, and has expired.
    Expired,
    /// The key was revoked. Whether its sender has its secret can no longer be determined.
    Revoked,
    /// The key is genuine, and the request names another organization.
    OtherOrganization,
    /// The key is genuine, and is not accepted from the address of its sender.
    Network,
}

impl RefusalReason {
    /// The name in the log and in the audit trail.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::OtherOrganization => "other_organization",
            Self::Network => "network",
        }
    }
}
