use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use parking_lot::Mutex;
use strongroom_domain::egress::EgressError;
use strongroom_domain::host_name::HostName;
use tokio::time::Instant;

use crate::addresses::AddressRules;

/// Longest time for which checked addresses are used again.
const MAX_AGE: Duration = Duration::from_secs(30);
/// Most names whose addresses are kept.
const MAX_NAMES: usize = 1024;
/// Most addresses of a name that are connected to; further ones are checked all the same.
const MAX_ADDRESSES: usize = 8;

/// Resolves names, and checks all their addresses.
pub(crate) struct Resolver {
    dns: TokioResolver,
    rules: AddressRules,
    checked: Mutex<HashMap<HostName, (Instant, Addresses)>>,
}

/// Addresses of a name, all of which requests may go to.
pub(crate) type Addresses = Arc<[IpAddr]>;

impl Resolver {
    /// A resolver that asks `server`, or those of the system.
    ///
    /// # Errors
    /// When the system's configuration cannot be read.
    pub(crate) fn new(server: Option<SocketAddr>, rules: AddressRules) -> Result<Self, String> {
        let provider = TokioRuntimeProvider::default();
        let mut builder = match server {
            Some(server) => TokioResolver::builder_with_config(only(server), provider),
            None => TokioResolver::builder(provider).map_err(|error| error.to_string())?,
        };
        limit(builder.options_mut());
        let dns = builder.build().map_err(|error| error.to_string())?;
        let checked = Mutex::default();
        Ok(Self {
            dns,
            rules,
            checked,
        })
    }

    /// Addresses that were checked in the last [`MAX_AGE`].
    pub(crate) fn recent(&self, host: &HostName) -> Option<Addresses> {
        let checked = self.checked.lock();
        let (until, addresses) = checked.get(host)?;
        (*until > Instant::now()).then(|| addresses.clone())
    }

    /// The addresses of `host`. If it has one that requests may not go to, it has none.
    ///
    /// # Errors
    /// [`EgressError::AddressRefused`], [`EgressError::Unreachable`].
    pub(crate) async fn resolve(&self, host: &HostName) -> Result<Addresses, EgressError> {
        if let Some(addresses) = self.recent(host) {
            return Ok(addresses);
        }
        let asked = Instant::now();
        // The final dot keeps the system's search list out.
        let found = self.dns.lookup_ip(format!("{host}.")).await;
        let found = found.map_err(|error| {
            tracing::debug!(%host, %error, "a host does not resolve");
            EgressError::Unreachable(format!("{host} does not resolve"))
        })?;
        let until = (asked + MAX_AGE).min(Instant::from_std(found.valid_until()));
        let addresses = self.checked(host, found.iter())?;
        self.keep(host, until, addresses.clone());
        Ok(addresses)
    }

    fn checked(
        &self,
        host: &HostName,
        found: impl Iterator<Item = IpAddr>,
    ) -> Result<Addresses, EgressError> {
        let mut addresses = Vec::new();
        for address in found {
            if !self.rules.admit(address) {
                let host = host.clone();
                return Err(EgressError::AddressRefused { host, address });
            }
            let canonical = address.to_canonical();
            if addresses.len() < MAX_ADDRESSES && !addresses.contains(&canonical) {
                addresses.push(canonical);
            }
        }
        match addresses.is_empty() {
            true => Err(EgressError::Unreachable(format!("{host} has no address"))),
            false => Ok(addresses.into()),
        }
    }

    fn keep(&self, host: &HostName, until: Instant, addresses: Addresses) {
        let (now, mut checked) = (Instant::now(), self.checked.lock());
        if checked.len() >= MAX_NAMES {
            checked.retain(|_, (until, _)| *until > now);
        }
        if until > now && checked.len() < MAX_NAMES {
            checked.insert(host.clone(), (until, addresses));
        }
    }
}

fn only(server: SocketAddr) -> ResolverConfig {
    let mut name_server = NameServerConfig::udp_and_tcp(server.ip());
    for connection in &mut name_server.connections {
        connection.port = server.port();
    }
    ResolverConfig::from_name_servers(vec![name_server])
}

// The addresses that were checked are kept here, so that the resolver needs no cache of its own.
fn limit(options: &mut ResolverOpts) {
    options.use_hosts_file = ResolveHosts::Never;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.cache_size = 0;
    options.timeout = Duration::from_secs(2);
    options.attempts = 1;
    options.max_active_requests = 512;
}
