//! How requests to other hosts are sent.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use strongroom_egress::InFlightLimits;

use crate::settings::error::ConfigError;
use crate::settings::sources::Sources;
use crate::settings::table::{
    EGRESS_ALLOW_NETWORKS, EGRESS_CA_FILE, EGRESS_CONNECT_TIMEOUT, EGRESS_DNS,
    EGRESS_HOST_MAX_REQUESTS, EGRESS_MAX_REQUESTS, EGRESS_ORG_MAX_REQUESTS,
};

/// How requests to other hosts are sent.
#[derive(Debug, Clone)]
pub(crate) struct RelaySettings {
    pub(crate) dns: Option<SocketAddr>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) allow_networks: Vec<IpNet>,
    pub(crate) connect: Duration,
    pub(crate) in_flight: InFlightLimits,
    /// Whether the server does not start without it.
    pub(crate) is_required: bool,
}

pub(super) fn relay(sources: &Sources) -> Result<RelaySettings, ConfigError> {
    Ok(RelaySettings {
        dns: sources.get(&EGRESS_DNS)?,
        ca_file: sources.get(&EGRESS_CA_FILE)?,
        allow_networks: sources.get(&EGRESS_ALLOW_NETWORKS)?,
        connect: sources.get(&EGRESS_CONNECT_TIMEOUT)?,
        in_flight: InFlightLimits {
            all: sources.get(&EGRESS_MAX_REQUESTS)?,
            organization: sources.get(&EGRESS_ORG_MAX_REQUESTS)?,
            host: sources.get(&EGRESS_HOST_MAX_REQUESTS)?,
        },
        is_required: true,
    })
}
