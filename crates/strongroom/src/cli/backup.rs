use std::path::PathBuf;

use clap::Args;

use crate::settings::args::VaultArgs;

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// Only this organization, with the wrapped service keys [default: everything].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// The file to write, which must not exist yet; - for standard output. An incomplete file is
    /// named FILE.partial.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// A public key of age (age1…) whose private key can decrypt the backup. Repeat it
    /// for several.
    #[arg(
        long,
        value_name = "RECIPIENT",
        required_unless_present = "recipients_file"
    )]
    pub(crate) recipient: Vec<String>,
    /// File with such public keys, one per line.
    #[arg(long, value_name = "FILE")]
    pub(crate) recipients_file: Option<PathBuf>,
    /// Keep the backup even if a part of it does not verify.
    #[arg(long)]
    pub(crate) despite_findings: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// The backup; - for standard input, which is kept in a temporary file meanwhile, still
    /// encrypted.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// File with a private key of age (AGE-SECRET-KEY-1…) that can decrypt the backup.
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: PathBuf,
    /// Only this organization [default: all in the backup].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// Verify, compare, and print the changes that a restore would make. Writes nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Verify the backup alone. Needs the root key and no database.
    #[arg(long, conflicts_with_all = ["dry_run", "keep_newer", "replace"])]
    pub(crate) verify_only: bool,
    /// Keep credentials that are newer in the database, or were deleted since, and restore the rest
    /// [default: an organization with such credentials is skipped].
    #[arg(long)]
    pub(crate) keep_newer: bool,
    /// Replace credentials that are older or damaged in the database by those of the backup
    /// [default: an organization with such credentials is skipped].
    #[arg(long)]
    pub(crate) replace: bool,
    /// Put credentials of one organization back as they are in the backup: those that were changed
    /// get its label, value and expiry as a new version; those that were deleted are restored or
    /// created again. What is not in the backup stays. Shows the changes first, and asks.
    #[arg(long, requires = "org",
        conflicts_with_all = ["verify_only", "keep_newer", "replace", "despite_findings"])]
    pub(crate) undo: bool,
    /// With --undo, only this credential. Repeat it for several [default: all that were not deleted
    /// in the backup].
    #[arg(long, value_name = "CREDENTIAL_ID", requires = "undo")]
    pub(crate) credential: Vec<String>,
    /// With --undo, do not ask.
    #[arg(long, requires = "undo")]
    pub(crate) yes: bool,
    /// Restore also rows that do not verify [default: an organization with such rows is skipped].
    #[arg(long)]
    pub(crate) despite_findings: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
