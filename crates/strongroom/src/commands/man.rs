use std::fs::create_dir_all;

use clap::CommandFactory;

use crate::cli::{Cli, ManArgs};
use crate::error::CommandError;

/// `strongroom man`.
pub(super) fn run(args: &ManArgs) -> Result<(), CommandError> {
    let folder = &args.output;
    create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        .map_err(|error| {
            let what = format!("cannot write manual pages to {}", folder.display());
            CommandError::io(&what, &error)
        })
}
