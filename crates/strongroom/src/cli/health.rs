use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// The server, http://host:port or https://host:port. With a path, such as /healthz, that is asked instead of
    /// /readyz.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8700")]
    pub(crate) url: String,
    /// A PEM file with the authorities of the server's certificate [default: those that the system knows].
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// A PEM file with a certificate to show, for a server that asks for one.
    #[arg(long, value_name = "FILE", requires = "key_file")]
    pub(crate) cert_file: Option<PathBuf>,
    /// A PEM file with that certificate's private key.
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    pub(crate) key_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
