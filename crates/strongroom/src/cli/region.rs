use clap::{Args, Subcommand};

use crate::settings::args::RegionListArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum RegionCommand {
    /// Show how far each configured region is behind the primary.
    ///
    /// Exits with 1 if the database of a region does not answer.
    List(RegionsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RegionsArgs {
    #[command(flatten)]
    pub(crate) settings: RegionListArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
