use clap::Args;

use crate::settings::args::RegionListArgs;

#[derive(Debug, Args)]
pub(crate) struct RegionsArgs {
    #[command(flatten)]
    pub(crate) settings: RegionListArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
