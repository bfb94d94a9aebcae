use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::consistency::ConsistencyArgs;
use crate::cli::key_limits::KeyLimitArgs;
use crate::cli::profile::ProfileArg;
use crate::settings::args::VaultArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Issue an API key. It is shown once and stored nowhere.
    Create(KeyCreateArgs),
    /// List an organization's API keys, without their secrets.
    List(KeyListArgs),
    /// Revoke an API key: every running server refuses it within a second.
    Revoke(KeyRevokeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct KeyCreateArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    #[command(flatten)]
    pub(crate) profile: ProfileArg,
    /// Id of the organization [default: that of the profile].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// Name for people, such as the system that uses it.
    #[arg(long)]
    pub(crate) name: String,
    /// When it expires: a date (2027-01-31), a time (2027-01-31T12:00:00Z), or a span from now
    /// (90d, 12h, 1y) [default: never].
    #[arg(long, value_name = "WHEN")]
    pub(crate) expires: Option<String>,
    #[command(flatten)]
    pub(crate) limits: KeyLimitArgs,
    /// Write the key to this file, which must not exist, instead of showing it.
    #[arg(long, value_name = "FILE", help_heading = "Over HTTP")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) consistency: ConsistencyArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct KeyListArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    #[command(flatten)]
    pub(crate) profile: ProfileArg,
    /// Id of the organization [default: that of the profile].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct KeyRevokeArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    #[command(flatten)]
    pub(crate) profile: ProfileArg,
    /// Id of the organization [default: that of the profile].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// Id of the key, as `key create` and `key list` show it.
    #[arg(
        long = "key",
        value_name = "KEY_ID",
        required_unless_present = "bare_key"
    )]
    key: Option<String>,
    #[arg(value_name = "KEY_ID", conflicts_with = "key", hide = true)]
    bare_key: Option<String>,
    /// Let it end after this time, from 1s to 365d, such as 24h, so that its successor can take its
    /// place [default: at once].
    #[arg(long = "in", value_name = "TIME")]
    pub(crate) after: Option<String>,
    #[command(flatten)]
    pub(crate) consistency: ConsistencyArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl KeyRevokeArgs {
    pub(crate) fn key(&self) -> &str {
        let given = self.key.as_ref().or(self.bare_key.as_ref());
        given.map_or("", String::as_str)
    }
}
