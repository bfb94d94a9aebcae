use clap::{Args, Subcommand};

use crate::cli::organization::OrganizationArg;
use crate::settings::args::VaultArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum OrgCommand {
    /// Create an organization, with an encryption key of its own.
    Create {
        #[command(flatten)]
        vault: VaultArgs,
        /// Name for people; need not be unique.
        #[arg(long)]
        name: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List all organizations, oldest first.
    List {
        #[command(flatten)]
        vault: VaultArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete an organization. Its API keys are refused at once. Its encryption keys, without which
    /// none of its data can be opened, are destroyed when the grace period ends.
    ///
    /// Its audit trail stays. Earlier backups can still be opened with the root key of their time,
    /// until that root key is rotated away and destroyed.
    Delete(OrgDeleteArgs),
    /// Restore a deleted organization whose grace period has not ended.
    Restore {
        #[command(flatten)]
        vault: VaultArgs,
        #[command(flatten)]
        org: OrganizationArg,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct OrgDeleteArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    #[command(flatten)]
    pub(crate) org: OrganizationArg,
    /// How long it can be restored, such as 12h, 30d or 1y [default: 7d].
    #[arg(long, value_name = "TIME", conflicts_with = "now")]
    pub(crate) grace: Option<String>,
    /// Destroy its keys now. This cannot be undone, so the command asks for the organization's
    /// name.
    #[arg(long)]
    pub(crate) now: bool,
    /// With --now: do not ask. Required where there is no terminal.
    #[arg(long, requires = "now")]
    pub(crate) yes: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
