use clap::Subcommand;

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
    /// Delete an organization. Its API keys are refused at once. Its encryption keys, without which
    /// none of its data can be opened, are destroyed when the grace period ends.
    ///
    /// Its audit trail stays. Earlier backups can still be opened with the root key of their time,
    /// until that root key is rotated away and destroyed.
    Delete {
        #[command(flatten)]
        vault: VaultArgs,
        /// Id of the organization.
        org: String,
        /// How long it can be restored [default: 7d].
        #[arg(long, value_name = "TIME", conflicts_with = "now")]
        grace: Option<String>,
        /// Destroy its keys now. This cannot be undone.
        #[arg(long)]
        now: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Restore a deleted organization whose grace period has not ended.
    Restore {
        #[command(flatten)]
        vault: VaultArgs,
        /// Id of the organization.
        org: String,
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
}
