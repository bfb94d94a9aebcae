use clap::Args;

use crate::cli::profile::ProfileArg;

/// What all commands about credentials take.
#[derive(Debug, Args)]
pub(crate) struct CallerArgs {
    #[command(flatten)]
    pub(crate) profile: ProfileArg,
    /// Id of the organization [default: that of the profile].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The version to which a write applies.
#[derive(Debug, Args)]
pub(crate) struct VersionArg {
    /// Fail unless the credential is of this version: its `etag`, as `list --json` and `get --json`
    /// show it, with the double quotes.
    #[arg(long = "if-match", value_name = "ETAG")]
    pub(crate) etag: Option<String>,
}
