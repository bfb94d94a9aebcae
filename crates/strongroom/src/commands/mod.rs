//! One file per command.

mod audit;
mod backup;
mod credentials;
#[cfg(feature = "dev")]
mod dev;
mod doctor;
mod health;
mod key;
mod key_check;
mod migrate;
mod openapi;
mod org;
mod regions;
mod restore;
mod root_key;
mod rotate;
mod serve;
mod verify;

use tokio::runtime::{Builder, Runtime};

use crate::cli::Command;
use crate::error::CommandError;
use crate::logging;
use crate::logging::{LogFormat, Logging};

/// Carries out `command`.
pub(crate) fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Serve(args) => serve::run(&args),
        #[cfg(feature = "dev")]
        Command::Dev(args) => dev::run(&args),
        Command::Doctor(args) => short(doctor::run(&args)),
        Command::Health(args) => health::run(&args),
        Command::Migrate(args) => short(migrate::run(&args)),
        Command::RootKey { command } => root_key::run(&command),
        Command::Org { command } => short(org::run(command)),
        Command::Key { command } => short(key::run(command)),
        Command::Rotate { command } => short(rotate::run(command)),
        Command::KeyCheck { vault, json } => short(key_check::run(&vault, json)),
        Command::Credentials { command } => short(credentials::run(command)),
        Command::Verify(args) => short(verify::run(&args)),
        Command::Backup(args) => short(backup::run(&args)),
        Command::Restore(args) => short(restore::run(&args)),
        Command::Regions(args) => short(regions::run(&args)),
        Command::Openapi => openapi::run(),
        Command::Audit { command } => short(audit::run(*command)),
    }
}

/// Runs a command that ends by itself: only warnings are logged.
fn short(work: impl Future<Output = Result<(), CommandError>>) -> Result<(), CommandError> {
    let _log = logging::start(
        Logging {
            format: LogFormat::Human,
            level: tracing::Level::WARN,
        },
        None,
    );
    runtime()?.block_on(work)
}

fn runtime() -> Result<Runtime, CommandError> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::io("cannot start threads", &error))
}
