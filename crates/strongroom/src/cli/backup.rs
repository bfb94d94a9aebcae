use std::path::PathBuf;

use clap::Args;

use super::VaultArgs;

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// Only this organization, with the service's own keys, wrapped [default: everything].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// The file to write, which must not exist yet; - for standard output. Until it is complete it is called
    /// FILE.partial.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Who can decrypt it: a public key of age (age1…). Repeat it for several.
    #[arg(
        long,
        value_name = "RECIPIENT",
        required_unless_present = "recipients_file"
    )]
    pub(crate) recipient: Vec<String>,
    /// A file with such recipients, one per line.
    #[arg(long, value_name = "FILE")]
    pub(crate) recipients_file: Option<PathBuf>,
    /// Keep the backup also when something in it does not verify.
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
    /// The backup; - for standard input, which is kept, encrypted as it is, in a temporary file meanwhile.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// A file with the private key of age (AGE-SECRET-KEY-1…) for one of the backup's recipients.
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: PathBuf,
    /// Only this organization [default: all in the backup].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// Verify, compare, say what would change, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Verify the backup alone. Needs the root key and no database.
    #[arg(long, conflicts_with_all = ["dry_run", "keep_newer", "replace"])]
    pub(crate) verify_only: bool,
    /// Leave credentials as they are that the database has newer, or that were deleted since, and restore the rest
    /// [default: an organization with such is left alone].
    #[arg(long)]
    pub(crate) keep_newer: bool,
    /// Put the backup's credentials in the place of those that are older or damaged in the database [default: an
    /// organization with such is left alone].
    #[arg(long)]
    pub(crate) replace: bool,
    /// Restore rows as they are that do not verify [default: an organization with such is left alone].
    #[arg(long)]
    pub(crate) despite_findings: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
