//! `strongroom rotate …`: replaces keys while the service runs.

mod organization;
mod progress;
mod retire;
mod root;
mod status;
mod throttle;

use crate::cli::RotateCommand;
use crate::error::CommandError;

/// `strongroom rotate …`.
pub(super) async fn run(command: RotateCommand) -> Result<(), CommandError> {
    match command {
        RotateCommand::Root(args) => root::run(&args).await,
        RotateCommand::Org(args) => organization::run(&args).await,
        RotateCommand::Status { vault, json } => status::run(&vault, json).await,
        RotateCommand::Retire(args) => retire::run(&args).await,
    }
}
