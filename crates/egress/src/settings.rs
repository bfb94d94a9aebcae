use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use rustls::pki_types::CertificateDer;

/// Where requests may go, and how many at a time.
#[derive(Debug, Clone)]
pub struct EgressSettings {
    /// The DNS server that names are resolved by; those of the system if there is none.
    pub dns: Option<SocketAddr>,
    /// Certificates of authorities that are trusted beside those of the system.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Networks that requests may go to although their addresses are not public. Metadata services
    /// of clouds are not opened by it.
    pub allow_networks: Vec<IpNet>,
    /// Endpoints that no request goes to: listeners of this server, and its databases.
    pub own: Vec<OwnEndpoint>,
    /// How many requests may be in flight.
    pub in_flight: InFlightLimits,
    /// How long it may take to resolve a name, connect, and finish the TLS handshake.
    pub connect: Duration,
}

impl Default for EgressSettings {
    fn default() -> Self {
        Self {
            dns: None,
            authorities: Vec::new(),
            allow_networks: Vec::new(),
            own: Vec::new(),
            in_flight: InFlightLimits::default(),
            connect: Duration::from_secs(5),
        }
    }
}

/// An endpoint of the service itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnEndpoint {
    /// A listener. The unspecified address stands for all addresses of this machine.
    Listener(SocketAddr),
    /// A server by its name or address, such as a database, and its port.
    Server(String, u16),
}

/// The most requests in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFlightLimits {
    /// In all.
    pub all: usize,
    /// Of one organization.
    pub organization: usize,
    /// To one host.
    pub host: usize,
}

impl Default for InFlightLimits {
    fn default() -> Self {
        Self {
            all: 2048,
            organization: 1024,
            host: 1024,
        }
    }
}
