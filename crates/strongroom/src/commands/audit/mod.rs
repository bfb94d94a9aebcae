//! `strongroom audit …`: one file per subcommand.

mod acknowledge;
mod export;
mod head;
mod lines;
mod operators;
mod prune;
pub(super) mod report;
mod time;
mod verify;

use crate::cli::AuditCommand;
use crate::error::CommandError;

/// `strongroom audit …`.
pub(super) async fn run(command: AuditCommand) -> Result<(), CommandError> {
    match command {
        AuditCommand::Verify(args) => verify::run(&args).await,
        AuditCommand::Acknowledge(args) => acknowledge::run(&args).await,
        AuditCommand::Head(args) => head::run(&args).await,
        AuditCommand::Export(args) => export::run(&args).await,
        AuditCommand::Prune(args) => prune::run(&args).await,
    }
}
