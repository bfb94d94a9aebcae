//! Who is asking, and what they may do.

use serde::Serialize;

use crate::error::VaultError;
use crate::ids::{KeyId, OrgId};
use crate::kinds::wire_enum;

wire_enum! {
    /// What an API key may do.
    Role {
        /// Everything within its organization.
        Admin = 1 => "admin",
        /// List credentials, without their secrets.
        Member = 2 => "member",
    }
}

/// One thing that a caller may or may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// List credentials, without their secrets.
    ListCredentials,
    /// Read a credential with its secret.
    RevealCredential,
    /// Create a credential.
    CreateCredential,
    /// Change a credential.
    UpdateCredential,
    /// Delete credentials.
    DeleteCredential,
    /// See how far rotations of the organization's key have come.
    ReadRotations,
    /// See how far the organization's writes have traveled.
    ReadOperations,
    /// Create, change and delete users' keys on the Pieces surface.
    ManageUserKeys,
    /// Read and verify the organization's audit trail.
    ReadAudit,
    /// Create, list and revoke API keys, and create the organization.
    ManageOrganization,
    /// Look through all credentials for stale ones, without their secrets.
    InspectCredentials,
    /// Check that every stored row is what was written.
    VerifyIntegrity,
    /// Copy everything, sealed as it is, into a backup.
    BackUp,
}

/// Where a request came from, for the audit trail.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    /// The request's id.
    pub id: String,
    /// The peer's address, or `command-line`.
    pub source: String,
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The holder of an API key.
    Key(KeyId, Role),
    /// Somebody without a key, where the operator allows that.
    Anonymous,
    /// Whoever runs the `strongroom` command with the database's and the root key's secrets.
    Operator,
}

/// An authenticated caller, acting in one organization.
#[derive(Debug, Clone)]
pub struct Caller {
    org: OrgId,
    actor: Actor,
    request: RequestInfo,
}

/// The right to run queries on one organization's rows. Only this crate makes one, and only out of a
/// [`Caller`] or of an API key that is being checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrgScope(OrgId);

impl OrgScope {
    pub(crate) fn new(org: OrgId) -> Self {
        Self(org)
    }

    /// The organization.
    #[must_use]
    pub fn org(self) -> OrgId {
        self.0
    }
}

impl Caller {
    /// The operator, acting in `org`.
    #[must_use]
    pub fn operator(org: OrgId, request: RequestInfo) -> Self {
        Self {
            org,
            actor: Actor::Operator,
            request,
        }
    }

    pub(crate) fn anonymous(org: OrgId, request: RequestInfo) -> Self {
        Self {
            org,
            actor: Actor::Anonymous,
            request,
        }
    }

    pub(crate) fn key(org: OrgId, key: KeyId, role: Role, request: RequestInfo) -> Self {
        Self {
            org,
            actor: Actor::Key(key, role),
            request,
        }
    }

    /// The organization the caller acts in.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// Who it is.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// Where the request came from.
    #[must_use]
    pub fn request(&self) -> &RequestInfo {
        &self.request
    }

    pub(crate) fn scope(&self) -> OrgScope {
        OrgScope(self.org)
    }

    /// Whether the caller may do `permission`.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] when not.
    pub fn require(&self, permission: Permission) -> Result<(), VaultError> {
        let allowed = match (self.actor, permission) {
            (
                Actor::Operator,
                Permission::ManageOrganization
                | Permission::ReadRotations
                | Permission::ReadAudit
                | Permission::InspectCredentials
                | Permission::VerifyIntegrity
                | Permission::BackUp,
            )
            | (Actor::Anonymous, Permission::ManageUserKeys)
            | (Actor::Key(..), Permission::ListCredentials) => true,
            (Actor::Operator | Actor::Anonymous, _)
            | (
                _,
                Permission::ManageOrganization
                | Permission::InspectCredentials
                | Permission::VerifyIntegrity
                | Permission::BackUp,
            ) => false,
            (Actor::Key(_, role), _) => role == Role::Admin,
        };
        if allowed {
            Ok(())
        } else {
            Err(VaultError::Forbidden)
        }
    }
}
