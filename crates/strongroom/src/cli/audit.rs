use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::settings::args::VaultArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that no event was edited, removed, reordered or inserted. Exits with 1 if there are
    /// findings.
    ///
    /// Reads beside live traffic. Events cut off the end of a lane since `strongroom audit head`
    /// was run are found with --heads; without it, only if a later lane names the missing events.
    Verify(AuditVerifyArgs),
    /// Acknowledge that events at the end of a lane were lost, such as by a promotion. `strongroom
    /// audit verify` then lists the loss with its reason, and exits with 0.
    Acknowledge(AcknowledgeArgs),
    /// Print the signed heads of the audit trail, one line of JSON per organization.
    ///
    /// Keep them where no account that can write to the database can write, for example from a
    /// daily job on another machine. `strongroom audit verify --heads FILE` then finds events that
    /// were cut off since.
    Head(HeadArgs),
    /// Write audit events, oldest first, as JSON Lines with binary values in hexadecimal. The
    /// export is recorded.
    Export(ExportArgs),
    /// Export old events, then drop them from the database.
    ///
    /// Drops the partitions (months) that end at or before --before. Leaves a signed checkpoint per
    /// lane, from which the remaining events still verify. Refuses if the trail does not verify, or
    /// if a credential does not verify whose last write event would be dropped. Connect as the role
    /// that ran `strongroom migrate`: servers' roles cannot drop anything. An interrupted run has
    /// pruned nothing, and can be repeated with another --output.
    Prune(PruneArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AuditVerifyArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// Id of the organization [default: all organizations, and those that --heads names].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// File with lines that `strongroom audit head` printed earlier.
    #[arg(long, value_name = "FILE")]
    pub(crate) heads: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AcknowledgeArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// Id of the organization.
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: String,
    /// Id of the lane, as `strongroom audit verify` prints it.
    #[arg(long, value_name = "LANE_ID")]
    pub(crate) lane: String,
    /// Why the events are gone: at most 256 characters. It stays in the audit trail.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HeadArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// Id of the organization [default: all organizations].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// Print JSON. The output is JSON also without this flag.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// Id of the organization [default: all organizations, one after another].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// First time of the events: a date (2027-01-31, in UTC) or a time (2027-01-31T12:00:00Z).
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Events before this time.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Write to this file, which must not exist yet [default: standard output].
    #[arg(long = "output", alias = "out", value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// With --output: print a summary as JSON. The events are JSON also without this flag.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// Prune older events: a date (2027-01-31, in UTC) or a time (2027-01-31T12:00:00Z), not in the
    /// future.
    #[arg(long, value_name = "DATE")]
    pub(crate) before: String,
    /// Export the pruned events to this file, which must not exist yet.
    #[arg(
        long = "output",
        alias = "out",
        value_name = "FILE",
        required_unless_present = "dry_run"
    )]
    pub(crate) out: Option<PathBuf>,
    /// Show what would be pruned, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
