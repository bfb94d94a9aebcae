use clap::Args;

use crate::settings::args::ServeArgs;

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
    /// Exit with 1 after warnings, too.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print findings as a JSON array.
    #[arg(long)]
    pub(crate) json: bool,
}
