//! Permissions, sets of them, and the roles that name such sets.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::kinds::wire_enum;

wire_enum! {
    /// A permission that an operation requires. Its name is also an OAuth 2.0 scope.
    Permission {
        /// List credentials without their secrets.
        CredentialsList = 1 => "credentials:list",
        /// Read a credential with its secret.
        CredentialsReveal = 2 => "credentials:reveal",
        /// Create and change credentials.
        CredentialsWrite = 3 => "credentials:write",
        /// Delete credentials.
        CredentialsDelete = 4 => "credentials:delete",
        /// Use a credential without reading its secret.
        CredentialsUse = 5 => "credentials:use",
        /// Read and verify the organization's audit trail.
        AuditRead = 6 => "audit:read",
        /// Issue, list and revoke API keys and OAuth 2.0 clients.
        KeysManage = 7 => "keys:manage",
        /// Create, change and delete sub-organizations, and rotate the organization's key.
        OrganizationsManage = 8 => "organizations:manage",
        /// Manage the addresses to which events are sent.
        WebhooksManage = 9 => "webhooks:manage",
        /// Read the state of the whole installation. No role has it, and only the operator grants
        /// it.
        SystemRead = 10 => "system:read",
    }
}

wire_enum! {
    /// The role of an API key: a name for a set of permissions.
    Role {
        /// All permissions but `system:read`.
        Admin = 1 => "admin",
        /// List credentials without their secrets.
        Member = 2 => "member",
        /// List and reveal credentials.
        Reader = 3 => "reader",
        /// List, create and change credentials, without reading their secrets.
        Writer = 4 => "writer",
        /// Use credentials without reading their secrets.
        Relay = 5 => "relay",
        /// List credentials without their secrets, and read the audit trail.
        Auditor = 6 => "auditor",
    }
}

impl Permission {
    /// What the permission allows, for the description of the API.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::CredentialsList => "List credentials without their secrets.",
            Self::CredentialsReveal => "Read a credential with its secret.",
            Self::CredentialsWrite => "Create and change credentials.",
            Self::CredentialsDelete => "Delete credentials.",
            Self::CredentialsUse => "Use a credential without reading its secret.",
            Self::AuditRead => "Read and verify the audit trail.",
            Self::KeysManage => "Issue, list and revoke API keys and OAuth 2.0 clients.",
            Self::OrganizationsManage => {
                "Create, change and delete sub-organizations, and rotate the organization's key."
            }
            Self::WebhooksManage => "Manage the addresses to which events are sent.",
            Self::SystemRead => "Read the state of the whole installation.",
        }
    }
}

impl Role {
    /// The permissions of the role.
    #[must_use]
    pub fn permissions(self) -> PermissionSet {
        use Permission::{
            AuditRead, CredentialsList, CredentialsReveal, CredentialsUse, CredentialsWrite,
            SystemRead,
        };
        match self {
            Self::Admin => Permission::ALL
                .iter()
                .copied()
                .filter(|permission| *permission != SystemRead)
                .collect(),
            Self::Member => [CredentialsList].into_iter().collect(),
            Self::Reader => [CredentialsList, CredentialsReveal].into_iter().collect(),
            Self::Writer => [CredentialsList, CredentialsWrite].into_iter().collect(),
            Self::Relay => [CredentialsUse].into_iter().collect(),
            Self::Auditor => [CredentialsList, AuditRead].into_iter().collect(),
        }
    }
}

/// A set of permissions.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct PermissionSet(u16);

impl PermissionSet {
    /// Whether `permission` is in the set.
    #[must_use]
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
    }

    /// Whether the set contains all permissions of `other`.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The permissions in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is no permission in the set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The permissions, in the order of [`Permission::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        let all = Permission::ALL.iter().copied();
        all.filter(move |permission| self.contains(*permission))
    }

    /// The permissions that `text` names, separated by single spaces, as scopes are written
    /// (RFC 6749 § 3.3). Returns `None` if there is an unknown one.
    #[must_use]
    pub fn parse_scope(text: &str) -> Option<Self> {
        text.split(' ').map(Permission::parse).collect()
    }

    /// The names of the permissions, separated by spaces.
    #[must_use]
    pub fn to_scope(self) -> String {
        self.names().join(" ")
    }

    /// The permissions that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The names of the permissions.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Permission::as_str).collect()
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(
            permissions
                .into_iter()
                .map(bit)
                .fold(0, |all, one| all | one),
        )
    }
}

impl fmt::Debug for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl Serialize for PermissionSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

fn bit(permission: Permission) -> u16 {
    1 << permission.code()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_sets_of_permissions() {
        let names = |role: Role| role.permissions().names().join(" ");
        assert_eq!(names(Role::Member), "credentials:list");
        assert_eq!(names(Role::Reader), "credentials:list credentials:reveal");
        assert_eq!(names(Role::Writer), "credentials:list credentials:write");
        assert_eq!(names(Role::Relay), "credentials:use");
        assert_eq!(names(Role::Auditor), "credentials:list audit:read");
        let admin = Role::Admin.permissions();
        assert!(!admin.contains(Permission::SystemRead));
        assert_eq!(admin.names().len(), Permission::ALL.len() - 1);
        for role in Role::ALL {
            assert!(admin.covers(role.permissions()));
        }
        let scope = admin.to_scope();
        assert!(PermissionSet::parse_scope(&scope) == Some(admin));
        for wrong in [
            "",
            "credentials:list ",
            "credentials:all",
            "Credentials:list",
        ] {
            assert!(PermissionSet::parse_scope(wrong).is_none(), "{wrong:?}");
        }
        assert!(
            !Role::Reader
                .permissions()
                .covers(Role::Writer.permissions())
        );
    }
}
