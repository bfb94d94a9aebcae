//! Callers, their roles and their permissions.

use serde::Serialize;

use crate::error::VaultError;
use crate::ids::{KeyId, OrgId};
use crate::kinds::wire_enum;

wire_enum! {
    /// The role of an API key.
    Role {
        /// All operations within its organization.
        Admin = 1 => "admin",
        /// List credentials without their secrets.
        Member = 2 => "member",
    }
}

/// A permission that an operation requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// List credentials without their secrets.
    ListCredentials,
    /// Read a credential with its secret.
    RevealCredential,
    /// Create a credential.
    CreateCredential,
    /// Change a credential.
    UpdateCredential,
    /// Delete credentials.
    DeleteCredential,
    /// Read the progress of rotations of the organization's key.
    ReadRotations,
    /// Read the replication state of the organization's writes.
    ReadOperations,
    /// Create, change and delete users' keys through the Pieces API.
    ManageUserKeys,
    /// Read and verify the organization's audit trail.
    ReadAudit,
    /// Create, list and revoke API keys, and create the organization.
    ManageOrganization,
    /// List all credentials, without their secrets, to find stale ones.
    InspectCredentials,
    /// Run the integrity scrub.
    VerifyIntegrity,
    /// Copy all rows, sealed, into a backup.
    BackUp,
}

/// The origin of a request, for the audit trail.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    /// The request id.
    pub id: String,
    /// The peer's IP address, or `command-line`.
    pub source: String,
}

/// The identity that performs an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The holder of an API key.
    Key(KeyId, Role),
    /// A caller without an API key, if the operator allows anonymous access.
    Anonymous,
    /// The user of the `strongroom` command, which has the database's credentials and the root key.
    Operator,
}

/// An authenticated caller, acting in one organization.
#[derive(Debug, Clone)]
pub struct Caller {
    org: OrgId,
    actor: Actor,
    request: RequestInfo,
}

/// The right to run queries on the rows of one organization. Only this crate creates it, from a
/// [`Caller`] or from an API key that is being verified.
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

    /// The organization in which the caller acts.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The caller's identity.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// The origin of the request.
    #[must_use]
    pub fn request(&self) -> &RequestInfo {
        &self.request
    }

    pub(crate) fn scope(&self) -> OrgScope {
        OrgScope(self.org)
    }

    /// Checks that the caller has `permission`.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] if the caller does not have it.
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
