use clap::Subcommand;

use crate::settings::args::VaultArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialCommand {
    /// List an organization's credentials and their last-used times. Recorded in its audit trail.
    List {
        #[command(flatten)]
        vault: VaultArgs,
        /// Id of the organization.
        #[arg(long, value_name = "ORG_ID")]
        org: String,
        /// Only credentials neither used nor created within this time, such as 90d.
        #[arg(long, value_name = "TIME")]
        unused_since: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}
