//! The command line. A command's own flags are here; the flags of settings are made from the table
//! of settings.

mod audit;
mod backup;
mod caller;
mod consistency;
mod credential;
mod credential_relay;
mod credential_versions;
#[cfg(feature = "dev")]
mod dev;
mod doctor;
mod exec;
mod former;
mod health;
mod key;
mod key_limits;
mod kinds;
mod login;
mod migrate;
mod org;
mod organization;
mod profile;
mod region;
mod root_key;
mod rotate;
mod shell;
mod suggestion;
mod verify;

use clap::{Parser, Subcommand};

use crate::settings::args::ServeArgs;

pub(crate) use audit::{
    AcknowledgeArgs, AuditCommand, AuditVerifyArgs, ExportArgs, HeadArgs, PruneArgs,
};
pub(crate) use backup::{BackupArgs, RestoreArgs};
pub(crate) use caller::CallerArgs;
pub(crate) use consistency::ConsistencyArgs;
pub(crate) use credential::{
    CreateCredentialArgs, CredentialCommand, DeleteCredentialArgs, EditCredentialArgs,
    GetCredentialArgs, ListCredentialsArgs,
};
pub(crate) use credential_relay::RelayTestArgs;
pub(crate) use credential_versions::{
    AdoptionArgs, DestroyVersionArgs, ListVersionsArgs, PromoteVersionArgs, RestoreCredentialArgs,
    ValueArgs,
};
pub(crate) use doctor::DoctorArgs;
pub(crate) use exec::ExecArgs;
pub(crate) use health::HealthArgs;
pub(crate) use key::{KeyCommand, KeyCreateArgs, KeyListArgs, KeyRevokeArgs};
pub(crate) use login::{LoginArgs, LogoutArgs};
pub(crate) use migrate::MigrateArgs;
pub(crate) use org::{
    OrgCommand, OrgCreateArgs, OrgDeleteArgs, OrgListArgs, OrgRestoreArgs, OrgSettingsArgs,
};
pub(crate) use profile::ProfileArg;
pub(crate) use region::{RegionCommand, RegionsArgs};
pub(crate) use root_key::{RootKeyCheckArgs, RootKeyCommand, RootKeyNewArgs};
pub(crate) use rotate::{RotateCommand, RotateOrgArgs, RotateRetireArgs, RotateRootArgs};
pub(crate) use shell::{CompletionArgs, ManArgs, OpenapiArgs};
pub(crate) use verify::VerifyArgs;

#[cfg(feature = "dev")]
pub(crate) use dev::DevArgs;

/// The version, and the commit that the program was built from if it is known.
pub(crate) const VERSION: &str = env!("STRONGROOM_VERSION");

/// Reads the command line. Ends the process with 2 if it is wrong, and with 0 after `--help` and
/// `--version`.
pub(crate) fn parse() -> Command {
    match Cli::try_parse_from(former::renamed(std::env::args_os())) {
        Ok(cli) => cli.command,
        Err(error) => suggestion::worded(error).exit(),
    }
}

/// A vault for the credentials that organizations hold with other companies.
///
/// To try it, run `strongroom dev`. For production: create a root key with `strongroom root-key
/// new --output FILE`, prepare the database with `strongroom migrate --app-role strongroom_app`,
/// then run `strongroom serve`.
#[derive(Debug, Parser)]
#[command(name = "strongroom", version = VERSION, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the HTTP API against an existing PostgreSQL.
    ///
    /// Settings come from flags, then STRONGROOM_* variables, then the file; the first source that
    /// has a setting counts.
    Serve(Box<ServeArgs>),
    /// Run everything on this machine: a private PostgreSQL, an organization with two API keys, and
    /// the server.
    #[cfg(feature = "dev")]
    Dev(DevArgs),
    /// Check whether a running server can serve, for health checks. Exits with 1 if it cannot.
    Health(HealthArgs),
    /// Check configuration, database, rights, root keys, clocks, regions and certificates, and
    /// advise on each problem.
    ///
    /// Takes the flags, variables and file that `serve` takes, and the servers' database role.
    /// Changes nothing, shows no secret, and continues after a problem. Exits with 1 after a
    /// failure.
    Doctor(Box<DoctorArgs>),
    /// Create or update the database's tables. Needs a role that may create tables, which becomes
    /// their owner.
    Migrate(MigrateArgs),
    /// Root keys, which wrap every other key.
    RootKey {
        #[command(subcommand)]
        command: RootKeyCommand,
    },
    /// Organizations: the tenants.
    Org {
        #[command(subcommand)]
        command: OrgCommand,
    },
    /// API keys of an organization.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Replace root keys and the keys of organizations while servers run.
    Rotate {
        #[command(subcommand)]
        command: RotateCommand,
    },
    /// Check a key or an OAuth 2.0 client at a server, and keep it as a profile for the commands
    /// that call servers over HTTP.
    ///
    /// The profile is a file in $XDG_CONFIG_HOME/strongroom or ~/.config/strongroom that only its
    /// owner can read. With a profile, `org`, `key` and `credential` work over HTTP. Where a
    /// database is configured, `org`, `key` and `credential list` use it instead, unless --profile
    /// or STRONGROOM_PROFILE names a profile.
    Login(LoginArgs),
    /// Remove a profile. Its key stays valid.
    Logout(LogoutArgs),
    /// Run a command with secrets in its environment, and nowhere else.
    ///
    /// Nothing is started unless every credential could be read. The command replaces this
    /// process, so signals and the exit code are its own. It writes no core dumps.
    Exec(ExecArgs),
    /// Credentials of an organization.
    #[command(alias = "credentials")]
    Credential {
        #[command(subcommand)]
        command: CredentialCommand,
    },
    /// Check that every stored credential opens and is the one written last. Shows no secret.
    ///
    /// Works beside running servers. Exits with 1 if there are findings.
    Verify(VerifyArgs),
    /// Write everything, or one organization, to an encrypted file for `strongroom restore`.
    ///
    /// Copies one consistent moment beside running servers. Verifies that every credential opens
    /// and is the one written last, and verifies the audit trail. The root key is not in the
    /// backup: keep a copy of it elsewhere. If a check fails, the exit code is 1, and no file is
    /// left unless --despite-findings is set.
    Backup(BackupArgs),
    /// Restore the missing part of a backup, or all of it.
    ///
    /// Reads the backup twice. The first pass verifies all of it, compares it with the database,
    /// and writes nothing. The second pass restores each organization completely or not at all.
    /// Rows that are there and equal are skipped, so a restore can be repeated. A database other
    /// than the one backed up must be new: only `strongroom migrate` has run on it.
    Restore(RestoreArgs),
    /// The regions: how far each is behind the primary.
    Region {
        #[command(subcommand)]
        command: RegionCommand,
    },
    /// The audit trail: verify, export and prune it, and print its heads.
    Audit {
        #[command(subcommand)]
        command: Box<AuditCommand>,
    },
    /// Print the OpenAPI document of the HTTP API, which servers show at /openapi.json and /docs.
    Openapi(OpenapiArgs),
    /// Print the completions of commands and flags for a shell.
    ///
    /// For example, `strongroom completion bash > /etc/bash_completion.d/strongroom`.
    Completion(CompletionArgs),
    /// Write the manual pages, one file for each command, to a folder.
    Man(ManArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
