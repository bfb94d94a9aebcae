//! `strongroom rotate …`: replacing keys while the service goes on.

mod organization;
mod retire;
mod root;
mod status;

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::RotateCommand;
use crate::error::CommandError;

/// Carries out a `rotate` command.
pub(super) async fn run(command: RotateCommand) -> Result<(), CommandError> {
    match command {
        RotateCommand::Root(args) => root::run(&args).await,
        RotateCommand::Org(args) => organization::run(&args).await,
        RotateCommand::Status { vault, json } => status::run(&vault, json).await,
        RotateCommand::Retire(args) => retire::run(&args).await,
    }
}

/// A bar on standard error when that is a terminal.
fn bar(total: i64, what: &str) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(u64::try_from(total).ok(), target);
    let template = "{msg} {wide_bar} {pos}/{len} ({per_sec}, {eta} left)";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(what.to_owned())
}

fn advance(bar: &ProgressBar, rows: i64) {
    bar.inc(u64::try_from(rows).unwrap_or(0));
}

fn throttle(text: Option<u32>) -> Result<Option<i32>, CommandError> {
    let wrong =
        || CommandError::Failed("--throttle must be from 1 to 1000000 rows per second".into());
    text.map(|rows| {
        let rows = i32::try_from(rows)
            .ok()
            .filter(|rows| (1..=1_000_000).contains(rows));
        rows.ok_or_else(wrong)
    })
    .transpose()
}
