use clap::Subcommand;

use crate::settings::args::VaultArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Issue an API key. It is shown once and stored nowhere.
    Create {
        #[command(flatten)]
        vault: VaultArgs,
        /// Id of the organization.
        #[arg(long, value_name = "ORG_ID")]
        org: String,
        /// admin: everything in the organization. member: list credentials, without their secrets.
        #[arg(long)]
        role: String,
        /// Name for people, such as the system that uses it.
        #[arg(long)]
        name: String,
        /// When it expires: a date (2027-01-31), a time (2027-01-31T12:00:00Z), or a span from now
        /// (90d, 12h, 1y) [default: never].
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
        /// Act in all descendants of the organization as well.
        #[arg(long)]
        descendants: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List an organization's API keys, without their secrets.
    List {
        #[command(flatten)]
        vault: VaultArgs,
        /// Id of the organization.
        #[arg(long, value_name = "ORG_ID")]
        org: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revoke an API key: every running server refuses it within a second.
    Revoke {
        #[command(flatten)]
        vault: VaultArgs,
        /// Id of the organization.
        #[arg(long, value_name = "ORG_ID")]
        org: String,
        /// Id of the key, as `key create` and `key list` show it.
        #[arg(long, value_name = "KEY_ID")]
        key: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}
