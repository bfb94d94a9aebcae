use std::io::stdout;

use clap::CommandFactory;

use crate::cli::{Cli, CompletionArgs};
use crate::error::CommandError;

/// `strongroom completion`.
pub(super) fn run(args: &CompletionArgs) -> Result<(), CommandError> {
    clap_complete::generate(args.shell, &mut Cli::command(), "strongroom", &mut stdout());
    Ok(())
}
