//! One file or folder per command.

mod audit;
mod backup;
mod caller;
mod completion;
mod credential;
#[cfg(feature = "dev")]
mod dev;
mod doctor;
mod format;
mod health;
mod key;
mod listed_credential;
mod man;
mod migrate;
mod openapi;
mod org;
mod organization_settings;
mod progress;
mod region;
mod restore;
mod root_key;
mod root_key_check;
mod rotate;
mod runtime;
mod serve;
mod time;
mod verify;

use crate::cli::{Command, RegionCommand, RootKeyCommand};
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
        Command::RootKey { command } => match command {
            RootKeyCommand::New(args) => root_key::run(&args),
            RootKeyCommand::Check(args) => block_on(root_key_check::run(&args)),
        },
        Command::Org { command } => block_on(org::run(command)),
        Command::Key { command } => block_on(key::run(command)),
        Command::Rotate { command } => block_on(rotate::run(command)),
        Command::Login(args) => caller::login::run(&args),
        Command::Logout(args) => caller::logout::run(&args),
        Command::Exec(args) => caller::exec::run(&args),
        Command::Credential { command } => block_on(credential::run(command)),
        Command::Verify(args) => block_on(verify::run(&args)),
        Command::Backup(args) => block_on(backup::run(&args)),
        Command::Restore(args) => block_on(restore::run(&args)),
        Command::Region {
            command: RegionCommand::List(args),
        } => block_on(region::run(&args)),
        Command::Openapi(args) => openapi::run(&args),
        Command::Completion(args) => completion::run(&args),
        Command::Man(args) => man::run(&args),
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
