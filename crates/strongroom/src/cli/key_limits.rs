use std::net::IpAddr;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use ipnet::IpNet;
use strongroom_domain::CredentialId;
use strongroom_domain::api_key::limits::{KeyLimits, OrganizationReach};
use strongroom_domain::api_key::reach::CredentialReach;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::permission::{Permission, Role};

use crate::cli::kinds::{kind, provider};

/// What a new API key may do, and where.
#[derive(Debug, Args)]
pub(crate) struct KeyLimitArgs {
    /// The name of a set of permissions. For example, admin may do everything in the organization,
    /// and member list credentials without their secrets.
    #[arg(long, value_parser = role(), required_unless_present = "permissions")]
    role: Option<Role>,
    /// A permission, instead of a role. Can be repeated.
    #[arg(
        id = "permissions",
        long = "permission",
        value_name = "PERMISSION",
        value_parser = permission(),
        conflicts_with = "role"
    )]
    permissions: Vec<Permission>,
    /// A network, such as 10.0.0.0/8, from which the key is accepted. Can be repeated [default:
    /// all].
    #[arg(long = "network", value_name = "CIDR", value_parser = network)]
    networks: Vec<IpNet>,
    /// A provider whose credentials the key reaches. Can be repeated [default: all].
    #[arg(long = "provider", value_name = "PROVIDER", value_parser = provider())]
    providers: Vec<Provider>,
    /// A type whose credentials the key reaches. Can be repeated [default: all].
    #[arg(long = "type", value_name = "TYPE", value_parser = kind())]
    kinds: Vec<CredentialType>,
    /// The beginning of the labels of the credentials that the key reaches.
    #[arg(long, value_name = "TEXT")]
    label_prefix: Option<String>,
    /// A credential that the key reaches. Can be repeated [default: all].
    #[arg(long = "credential", value_name = "CREDENTIAL_ID", value_parser = credential)]
    credentials: Vec<CredentialId>,
    /// Act in all descendants of the organization as well.
    #[arg(long)]
    descendants: bool,
}

impl KeyLimitArgs {
    /// The limits that the flags describe.
    pub(crate) fn limits(&self) -> KeyLimits {
        let limits = match self.role {
            Some(role) => KeyLimits::of_role(role),
            None => KeyLimits::of_permissions(self.permissions.iter().copied().collect()),
        };
        let reach = CredentialReach {
            providers: some(&self.providers),
            types: some(&self.kinds),
            label_prefix: self.label_prefix.clone(),
            ids: some(&self.credentials),
        };
        KeyLimits {
            credentials: (reach != CredentialReach::default()).then_some(reach),
            networks: self.networks.clone(),
            organizations: match self.descendants {
                true => OrganizationReach::Descendants,
                false => OrganizationReach::Own,
            },
            ..limits
        }
    }
}

fn some<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn role() -> impl TypedValueParser<Value = Role> {
    let names = Role::ALL.iter().map(|role| role.as_str());
    PossibleValuesParser::new(names).try_map(|name| Role::parse(&name).ok_or("unknown"))
}

fn permission() -> impl TypedValueParser<Value = Permission> {
    let names = Permission::ALL.iter().map(|permission| permission.as_str());
    PossibleValuesParser::new(names).try_map(|name| Permission::parse(&name).ok_or("unknown"))
}

// A single address is the network that contains only it.
fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse::<IpNet>().ok();
    let network = network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    network
        .map(|network| network.trunc())
        .ok_or_else(|| "must be a network such as 10.0.0.0/8".to_owned())
}

fn credential(text: &str) -> Result<CredentialId, String> {
    CredentialId::parse(text).ok_or_else(|| "must be the id of a credential".to_owned())
}
