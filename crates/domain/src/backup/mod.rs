//! Backups: all that cannot be made anew, as lines of JSON, sealed as it is in the database.
//!
//! Pure: what reads, writes, encrypts or talks to a database comes in through the ports here.

mod bytes;
mod check;
mod convert;
mod opened;
mod pass;
mod port;
mod record;
mod rules;
mod seal;
mod target;

use crate::{CredentialId, OrgId, VaultError};

pub use check::TrailCheck;
pub use opened::{OpenedBackup, RestoreError};
pub use pass::{Pass, RestoreObserver};
pub use port::{
    BackupKeys, BackupSink, BackupSource, CheckedRow, KeyChecks, OrgTarget, Present, RestoreTarget,
    Snapshot,
};
pub use record::*;
pub use rules::{OrganizationPlan, RestoreRules, Tally};
pub use seal::Seal;
pub use target::TargetKeys;

/// No line is longer, in bytes: a secret has at most 64 KiB, a first event names at most 64 heads.
pub const MAX_LINE: usize = 4 << 20;

/// Something in a backup that does not verify. Names no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFinding {
    /// The organization.
    pub org: OrgId,
    /// The credential; none when it is about keys or the audit trail.
    pub credential: Option<CredentialId>,
    /// A stable name.
    pub code: &'static str,
    /// What is wrong, for people.
    pub message: String,
}

/// `record` as a line, with its end.
///
/// # Errors
/// [`VaultError::Internal`] when it cannot be written as JSON.
pub fn line(record: &Record) -> Result<Vec<u8>, VaultError> {
    let mut line =
        serde_json::to_vec(record).map_err(|error| VaultError::Internal(error.to_string()))?;
    line.push(b'\n');
    Ok(line)
}
