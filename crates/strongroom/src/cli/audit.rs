use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::VaultArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that no event was edited, removed, reordered or inserted. Exits with 1 when something is wrong.
    ///
    /// Reads beside live traffic. What was cut off the end of a lane since `strongroom audit head` was run is
    /// found with --heads; without it, only where a later lane names the events that are gone.
    Verify(AuditVerifyArgs),
    /// Print the signed heads of the audit trail, one line of JSON per organization.
    ///
    /// Keep them where nobody who can write to the database can write, for example from a daily job on another
    /// machine. `strongroom audit verify --heads FILE` then finds whatever was cut off since.
    Head(HeadArgs),
    /// Write audit events, oldest first, as JSON Lines with binary values in hexadecimal. The export is recorded.
    Export(ExportArgs),
    /// Export old events, and then drop them from the database.
    ///
    /// Drops the partitions (months) that end at or before --before. Leaves a signed checkpoint per lane, from
    /// which the rest still verifies. Refuses when the trail, or a credential whose last write event goes, does
    /// not verify. Connect as the role that ran `strongroom migrate`: servers' roles cannot drop anything.
    /// Ended halfway it has pruned nothing, and can be run again with another --out.
    Prune(PruneArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AuditVerifyArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// The organization's id [default: all organizations, and those that --heads names].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// A file with lines that `strongroom audit head` printed earlier.
    #[arg(long, value_name = "FILE")]
    pub(crate) heads: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HeadArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// The organization's id [default: all organizations].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// Print JSON, which is what it prints anyway.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// The organization's id [default: all organizations, one after another].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// Events from this time on: a date (2027-01-31, in UTC) or a time (2027-01-31T12:00:00Z).
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Events before this time.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Write to this file, which must not exist yet [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// With --out: say what was written as JSON. The events themselves are JSON anyway.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// Prune what is older: a date (2027-01-31, in UTC) or a time (2027-01-31T12:00:00Z), not in the future.
    #[arg(long, value_name = "DATE")]
    pub(crate) before: String,
    /// Export what goes to this file, which must not exist yet.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
