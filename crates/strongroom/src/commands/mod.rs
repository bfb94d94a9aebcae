//! One file or folder per command.

mod audit;
mod backup;
mod credentials;
#[cfg(feature = "dev")]
mod dev;
mod doctor;
mod format;
mod health;
mod key;
mod key_check;
mod migrate;
mod openapi;
mod org;
mod progress;
mod regions;
mod restore;
mod root_key;
mod rotate;
mod runtime;
mod serve;
mod verify;

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
        Command::Doctor(args) => block_on(doctor::run(&args)),
        Command::Health(args) => health::run(&args),
        Command::Migrate(args) => block_on(migrate::run(&args)),
        Command::RootKey { command } => root_key::run(&command),
        Command::Org { command } => block_on(org::run(command)),
        Command::Key { command } => block_on(key::run(command)),
        Command::Rotate { command } => block_on(rotate::run(command)),
        Command::KeyCheck { vault, json } => block_on(key_check::run(&vault, json)),
        Command::Credentials { command } => block_on(credentials::run(command)),
        Command::Verify(args) => block_on(verify::run(&args)),
        Command::Backup(args) => block_on(backup::run(&args)),
        Command::Restore(args) => block_on(restore::run(&args)),
        Command::Regions(args) => block_on(regions::run(&args)),
        Command::Openapi => openapi::run(),
        Command::Audit { command } => block_on(audit::run(*command)),
    }
}

/// Runs a command that ends by itself; logs warnings and errors only.
fn block_on(work: impl Future<Output = Result<(), CommandError>>) -> Result<(), CommandError> {
    let _log = logging::start(
        Logging {
            format: LogFormat::Human,
            level: tracing::Level::WARN,
        },
        None,
    );
    runtime::runtime()?.block_on(work)
}
