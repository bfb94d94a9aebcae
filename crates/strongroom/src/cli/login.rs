use std::path::PathBuf;

use clap::Args;

use crate::cli::profile::ProfileArg;

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// The server, https://host:port. Plain http:// is for this machine, such as
    /// http://127.0.0.1:8700.
    #[arg(long, value_name = "URL")]
    pub(crate) url: String,
    /// Id of the organization.
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: String,
    /// File with the API key; `-` is standard input.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "client_id",
        conflicts_with = "client_id"
    )]
    pub(crate) key_file: Option<PathBuf>,
    /// Id of an OAuth 2.0 client, instead of an API key.
    #[arg(long, value_name = "ID", requires = "client_secret_file")]
    pub(crate) client_id: Option<String>,
    /// File with the client's secret; `-` is standard input.
    #[arg(long, value_name = "FILE", requires = "client_id")]
    pub(crate) client_secret_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) profile: ProfileArg,
    /// PEM file with the authorities of the server's certificate [default: those of the system].
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// PEM file with a client certificate, for a server that requires one.
    #[arg(long, value_name = "FILE", requires = "cert_key_file")]
    pub(crate) cert_file: Option<PathBuf>,
    /// PEM file with the private key of the client certificate.
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    pub(crate) cert_key_file: Option<PathBuf>,
    /// Accept http:// for another machine, for a network that is encrypted itself.
    #[arg(long)]
    pub(crate) insecure_http: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    #[command(flatten)]
    pub(crate) profile: ProfileArg,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
