//! The command line. A command's own flags are here; the flags of settings are made from the table
//! of settings.

mod audit;
mod backup;
mod credentials;
#[cfg(feature = "dev")]
mod dev;
mod doctor;
mod health;
mod key;
mod migrate;
mod org;
mod regions;
mod root_key;
mod rotate;
mod verify;

use clap::{Parser, Subcommand};

use crate::settings::args::{ServeArgs, VaultArgs};

pub(crate) use audit::{
    AcknowledgeArgs, AuditCommand, AuditVerifyArgs, ExportArgs, HeadArgs, PruneArgs,
};
pub(crate) use backup::{BackupArgs, RestoreArgs};
pub(crate) use credentials::CredentialsCommand;
pub(crate) use doctor::DoctorArgs;
pub(crate) use health::HealthArgs;
pub(crate) use key::KeyCommand;
pub(crate) use migrate::MigrateArgs;
pub(crate) use org::OrgCommand;
pub(crate) use regions::RegionsArgs;
pub(crate) use root_key::RootKeyCommand;
pub(crate) use rotate::{RotateCommand, RotateOrgArgs, RotateRetireArgs, RotateRootArgs};
pub(crate) use verify::VerifyArgs;

#[cfg(feature = "dev")]
pub(crate) use dev::DevArgs;

/// A vault for the credentials that organizations hold with other companies.
///
/// To try it, run `strongroom dev`. For production: create a root key with `strongroom root-key
/// new`, prepare the database with `strongroom migrate --app-role strongroom_app`, then run
/// `strongroom serve`.
#[derive(Debug, Parser)]
#[command(name = "strongroom", version, max_term_width = 100)]
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
    /// Compare the configured root keys with those that the database needs.
    KeyCheck {
        #[command(flatten)]
        vault: VaultArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Credentials of an organization, without their secrets.
    Credentials {
        #[command(subcommand)]
        command: CredentialsCommand,
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
    /// Show how far each configured region is behind the primary.
    ///
    /// Exits with 1 if the database of a region does not answer.
    Regions(RegionsArgs),
    /// The audit trail: verify, export and prune it, and print its heads.
    Audit {
        #[command(subcommand)]
        command: Box<AuditCommand>,
    },
    /// Print the OpenAPI document of the HTTP API, which servers show at /openapi.json and /docs.
    Openapi,
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
