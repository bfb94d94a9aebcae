//! The servers that a database URL names.

use tokio_postgres::config::Host;

use crate::connect::url::DatabaseUrl;

impl DatabaseUrl {
    /// The servers that the URL names: their names or addresses, and their ports. Sockets of this
    /// machine are left out.
    #[must_use]
    pub fn servers(&self) -> Vec<(String, u16)> {
        let ports = self.config.get_ports();
        let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        let hosts = self.config.get_hosts().iter().enumerate();
        let named = hosts.filter_map(|(at, host)| match host {
            Host::Tcp(name) => Some((name.clone(), port(at))),
            Host::Unix(_) => None,
        });
        let addresses = self.config.get_hostaddrs().iter().enumerate();
        let addresses = addresses.map(|(at, address)| (address.to_string(), port(at)));
        named.chain(addresses).collect()
    }
}
