//! What keys and clients may do, in words.

use strongroom_domain::api_key::limits::{KeyLimits, OrganizationReach};
use strongroom_domain::permission::{Permission, PermissionSet};

/// The most members of a list that are named.
const NAMED: usize = 5;

/// What the permissions allow.
pub(crate) fn permissions(set: PermissionSet) -> String {
    let words: Vec<_> = set.iter().map(permission).collect();
    match words.is_empty() {
        true => "nothing".to_owned(),
        false => words.join(", "),
    }
}

/// What the permission allows.
pub(crate) fn permission(one: Permission) -> &'static str {
    match one {
        Permission::CredentialsList => "list",
        Permission::CredentialsReveal => "reveal",
        Permission::CredentialsWrite => "create and change",
        Permission::CredentialsDelete => "delete",
        Permission::CredentialsUse => "use without revealing",
        Permission::AuditRead => "read the audit trail",
        Permission::KeysManage => "manage keys",
        Permission::OrganizationsManage => "manage tenants",
        Permission::WebhooksManage => "manage webhooks",
        Permission::SystemRead => "read the state of the installation",
    }
}

/// What limits a key besides its permissions.
pub(crate) fn limits(limits: &KeyLimits) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(reach) = &limits.credentials {
        let names = |names: Vec<&str>| some(&names);
        let provider = reach.providers.as_ref();
        words.extend(provider.map(|all| {
            format!(
                "providers {}",
                names(all.iter().map(|one| one.as_str()).collect())
            )
        }));
        let types = reach.types.as_ref();
        words.extend(types.map(|all| {
            format!(
                "types {}",
                names(all.iter().map(|one| one.as_str()).collect())
            )
        }));
        let prefix = reach.label_prefix.as_ref();
        words.extend(prefix.map(|prefix| format!("labels that begin with “{prefix}”")));
        words.extend(reach.ids.as_ref().map(|ids| {
            let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
            format!("credentials {}", some(&ids))
        }));
    }
    if !limits.networks.is_empty() {
        let networks: Vec<_> = limits.networks.iter().map(ToString::to_string).collect();
        words.push(format!("only from {}", some(&networks)));
    }
    if limits.organizations == OrganizationReach::Descendants {
        words.push("also in all tenants below".to_owned());
    }
    words
}

fn some(names: &[impl AsRef<str>]) -> String {
    let named: Vec<_> = names.iter().take(NAMED).map(AsRef::as_ref).collect();
    match names.len() - named.len() {
        0 => named.join(", "),
        others => format!("{} and {others} more", named.join(", ")),
    }
}
