use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// The server, http://host:port or https://host:port. A path, such as /healthz, is requested
    /// instead of /readyz.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8700")]
    pub(crate) url: String,
    /// PEM file with the authorities of the server's certificate [default: those of the system].
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// PEM file with a client certificate, for a server that requires one.
    #[arg(long, value_name = "FILE", requires = "key_file")]
    pub(crate) cert_file: Option<PathBuf>,
    /// PEM file with the private key of the client certificate.
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    pub(crate) key_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
