//! What an API key may do, and where.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::api_key::reach::CredentialReach;
use crate::kinds::wire_enum;
use crate::permission::{Permission, PermissionSet, Role};

wire_enum! {
    /// The organizations in which a key acts.
    OrganizationReach {
        /// The organization of the key.
        Own = 1 => "own",
        /// The organization of the key and all its descendants.
        Descendants = 2 => "descendants",
    }
}

/// What an API key may do, and where. All of it is under the digest of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLimits {
    /// The role; `None` for a key with permissions of its own.
    pub role: Option<Role>,
    /// The permissions.
    pub permissions: PermissionSet,
    /// The credentials that the key reaches; `None` for all.
    pub credentials: Option<CredentialReach>,
    /// The networks from which the key is accepted; empty for all.
    pub networks: Vec<IpNet>,
    /// The organizations in which the key acts.
    pub organizations: OrganizationReach,
}

/// The stored form of limits. A role's permissions are not stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Vec<Permission>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials: Option<CredentialReach>,
    networks: Vec<IpNet>,
    organizations: OrganizationReach,
}

impl KeyLimits {
    /// The limits of a key that has `role`, and no others.
    #[must_use]
    pub fn of_role(role: Role) -> Self {
        Self {
            role: Some(role),
            ..Self::of_permissions(role.permissions())
        }
    }

    /// The limits of a key that has `permissions`, and no others.
    #[must_use]
    pub fn of_permissions(permissions: PermissionSet) -> Self {
        Self {
            role: None,
            permissions,
            credentials: None,
            networks: Vec::new(),
            organizations: OrganizationReach::Own,
        }
    }

    /// The role, if it was a role of the first version and is the only limit. Such keys keep the
    /// digest of the first version.
    #[must_use]
    pub fn plain_role(&self) -> Option<Role> {
        let role = self
            .role
            .filter(|role| matches!(role, Role::Admin | Role::Member))?;
        (*self == Self::of_role(role)).then_some(role)
    }

    /// The canonical text of the limits besides the role: a JSON object without white space whose
    /// members have a fixed order.
    ///
    /// # Errors
    /// If it cannot be serialized, which is a defect.
    pub fn to_text(&self) -> serde_json::Result<String> {
        serde_json::to_string(&Stored {
            permissions: match self.role {
                Some(_) => None,
                None => Some(self.permissions.iter().collect()),
            },
            credentials: self.credentials.clone(),
            networks: self.networks.clone(),
            organizations: self.organizations,
        })
    }

    /// Parses the text of the limits of a key with `role`. Returns `None` if no server wrote it.
    #[must_use]
    pub fn parse(role: Option<Role>, text: &str) -> Option<Self> {
        let stored: Stored = serde_json::from_str(text).ok()?;
        let permissions = match (role, stored.permissions) {
            (Some(role), None) => role.permissions(),
            (None, Some(permissions)) => permissions.into_iter().collect(),
            _ => return None,
        };
        Some(Self {
            role,
            permissions,
            credentials: stored.credentials,
            networks: stored.networks,
            organizations: stored.organizations,
        })
    }

    /// Whether the key is accepted from `address`. A key with networks is refused if the address is
    /// unknown.
    #[must_use]
    pub fn accepts(&self, address: Option<IpAddr>) -> bool {
        let contains = |address: IpAddr| self.networks.iter().any(|one| one.contains(&address));
        self.networks.is_empty() || address.is_some_and(contains)
    }

    /// The first member in which `other` allows more than these limits; `None` if they cover it.
    #[must_use]
    pub fn exceeded_by(&self, other: &Self) -> Option<&'static str> {
        let reaches = match (&self.credentials, &other.credentials) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(other)) => own.covers(other),
        };
        let is_inside = |inner: &IpNet| self.networks.iter().any(|outer| outer.contains(inner));
        let accepts = self.networks.is_empty()
            || (!other.networks.is_empty() && other.networks.iter().all(is_inside));
        let acts = self.organizations == OrganizationReach::Descendants
            || other.organizations == OrganizationReach::Own;
        if !self.permissions.covers(other.permissions) {
            return Some(if other.role.is_some() {
                "role"
            } else {
                "permissions"
            });
        }
        [
            ("credentials", reaches),
            ("networks", accepts),
            ("organizations", acts),
        ]
        .into_iter()
        .find_map(|(member, covered)| (!covered).then_some(member))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Provider;

    fn limited() -> KeyLimits {
        KeyLimits {
            credentials: Some(CredentialReach {
                providers: Some(vec![Provider::Shopify]),
                label_prefix: Some("shop/".into()),
                ..CredentialReach::default()
            }),
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            organizations: OrganizationReach::Descendants,
            ..KeyLimits::of_role(Role::Reader)
        }
    }

    #[test]
    fn the_text_round_trips_and_is_canonical() {
        let limits = limited();
        let text = limits.to_text().unwrap();
        assert_eq!(
            text,
            r#"{"credentials":{"providers":["shopify"],"label_prefix":"shop/"},"#.to_owned()
                + r#""networks":["10.0.0.0/8"],"organizations":"descendants"}"#
        );
        assert_eq!(KeyLimits::parse(limits.role, &text), Some(limits));
        let own = KeyLimits::of_permissions([Permission::AuditRead].into_iter().collect());
        let text = own.to_text().unwrap();
        assert_eq!(KeyLimits::parse(None, &text), Some(own));
        assert_eq!(KeyLimits::parse(Some(Role::Admin), &text), None);
        for wrong in ["", "{}", r#"{"networks":[],"organizations":"all"}"#] {
            assert_eq!(KeyLimits::parse(Some(Role::Admin), wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_roles_of_the_first_version_without_limits_are_plain() {
        assert_eq!(
            KeyLimits::of_role(Role::Admin).plain_role(),
            Some(Role::Admin)
        );
        assert_eq!(KeyLimits::of_role(Role::Reader).plain_role(), None);
        assert_eq!(limited().plain_role(), None);
        let same = KeyLimits::of_permissions(Role::Member.permissions());
        assert_eq!(same.plain_role(), None);
    }

    #[test]
    fn nothing_wider_is_covered() {
        let limits = limited();
        assert_eq!(limits.exceeded_by(&limits), None);
        let admin = KeyLimits::of_role(Role::Admin);
        assert_eq!(limits.exceeded_by(&admin), Some("role"));
        let wider = |change: fn(&mut KeyLimits)| {
            let mut wider = limited();
            change(&mut wider);
            limited().exceeded_by(&wider)
        };
        assert_eq!(
            wider(|limits| limits.credentials = None),
            Some("credentials")
        );
        assert_eq!(wider(|limits| limits.networks.clear()), Some("networks"));
        let shorter = wider(|limits| {
            limits.credentials.as_mut().unwrap().label_prefix = Some("shop".into());
        });
        assert_eq!(shorter, Some("credentials"));
        let longer = wider(|limits| {
            limits.credentials.as_mut().unwrap().label_prefix = Some("shop/1".into());
            limits.networks = vec!["10.1.0.0/16".parse().unwrap()];
            limits.organizations = OrganizationReach::Own;
        });
        assert_eq!(longer, None);
        let own = KeyLimits::of_role(Role::Admin);
        let descendants = KeyLimits {
            organizations: OrganizationReach::Descendants,
            ..KeyLimits::of_role(Role::Member)
        };
        assert_eq!(own.exceeded_by(&descendants), Some("organizations"));
    }

    #[test]
    fn a_key_with_networks_needs_an_address_in_one() {
        let limits = limited();
        assert!(limits.accepts("10.1.2.3".parse().ok()));
        assert!(!limits.accepts("11.1.2.3".parse().ok()));
        assert!(!limits.accepts(None));
        assert!(KeyLimits::of_role(Role::Admin).accepts(None));
    }
}
