use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use ipnet::IpNet;

#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8700")]
    pub(crate) listen: SocketAddr,
    /// Folder for the database, root key and API keys; kept from one start to the next [default:
    /// /var/lib/strongroom-dev as root, else ~/.local/share/strongroom-dev].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Number of regions to run beside the primary, up to 5: a hot standby and a server each.
    /// Further regions of an earlier start are removed.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        value_parser = clap::value_parser!(u8).range(..=5)
    )]
    pub(crate) regions: u8,
    /// Print one JSON object with everything that a program needs, instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    /// DNS server that names of other hosts are resolved by, for relays.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) egress_dns: Option<SocketAddr>,
    /// PEM file with certificates of authorities that other hosts are trusted by, beside those of
    /// the system.
    #[arg(long, value_name = "FILE")]
    pub(crate) egress_ca_file: Option<PathBuf>,
    /// Network that relays may send requests to although its addresses are not public. Repeatable.
    #[arg(long, value_name = "CIDR")]
    pub(crate) egress_allow_network: Vec<IpNet>,
    /// Allow an address that other machines can reach. Only the API keys then protect the demo
    /// data.
    #[arg(long)]
    pub(crate) allow_remote: bool,
}
