//! The rules by which a restore compares and writes rows.

use serde::Serialize;
use uuid::Uuid;

use crate::backup::comparison::Verdict;
use crate::backup::undo::Undo;

/// Options that permit a restore to do more than insert missing rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct RestoreRules {
    /// Keep credentials that are newer in the database or were deleted after the backup.
    pub keep_newer: bool,
    /// Replace credentials that are older or damaged in the database.
    pub replace: bool,
    /// Restore rows that do not verify.
    pub despite_findings: bool,
    /// Put credentials back as the backup has them, as new versions, and write nothing else.
    pub undo: bool,
}

/// The comparison of the backup's rows of one kind with the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The number of rows that are missing in the database.
    pub insert: u64,
    /// The number of identical rows.
    pub same: u64,
    /// The number of rows that are newer in the database, or were deleted or revoked there.
    pub newer: u64,
    /// The number of rows that are older in the database, or differ with the same version (damaged
    /// or altered).
    pub differ: u64,
}

/// The restore plan of one organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrganizationPlan {
    /// The organization.
    pub org_id: Uuid,
    /// The name of the organization.
    pub name: String,
    /// Whether the organization exists in the database.
    pub exists: bool,
    /// The comparison of its credentials.
    pub credentials: Tally,
    /// The comparison of its audit events.
    pub audit_events: Tally,
    /// The comparison of its API keys. Existing ones are never changed.
    pub api_keys: Tally,
    /// The number of other missing rows: the organization itself, its keys, rotations and
    /// checkpoints.
    pub other_inserts: u64,
    /// The number of the backup's rows that do not verify.
    pub findings: u64,
    /// The credentials that an undo puts back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<Undo>,
    /// The reason for which the organization is not restored.
    pub refused: Option<String>,
    #[serde(skip)]
    pub(crate) destroyed: bool,
    #[serde(skip)]
    pub(crate) other_keys: bool,
    /// The digest at the organization's end, which detects a change of the backup between two
    /// readings.
    #[serde(skip)]
    pub(crate) seal: [u8; 32],
}

impl Tally {
    pub(crate) fn add(&mut self, verdict: Verdict) {
        let counter = match verdict {
            Verdict::Insert => &mut self.insert,
            Verdict::Same => &mut self.same,
            Verdict::Newer => &mut self.newer,
            Verdict::Differ => &mut self.differ,
        };
        *counter += 1;
    }
}

impl OrganizationPlan {
    /// The number of rows that a restore writes.
    #[must_use]
    pub fn writes(&self, rules: RestoreRules) -> u64 {
        let replaced = if rules.replace {
            self.credentials.differ
        } else {
            0
        };
        let inserted = [self.credentials, self.audit_events, self.api_keys];
        let inserted: u64 = inserted.iter().map(|tally| tally.insert).sum();
        inserted + replaced + self.other_inserts
    }

    /// The reason for which the organization is not restored under `rules`.
    pub(crate) fn refusal(&self, rules: RestoreRules) -> Option<String> {
        let (newer, differ) = (self.credentials.newer, self.credentials.differ);
        if self.destroyed {
            return Some(
                "it was destroyed in the database after the backup, and a restore would undo the \
                 destruction. Restore it into another database"
                    .into(),
            );
        }
        if self.other_keys {
            return Some(
                "the database has a different key with the same generation. Restore it into \
                 another database"
                    .into(),
            );
        }
        if self.findings > 0 && !rules.despite_findings {
            return Some(format!(
                "{} of its rows in the backup do not verify. Use an older backup, or restore them \
                 unchanged with --despite-findings",
                self.findings
            ));
        }
        if self.audit_events.differ > 0 {
            return Some(format!(
                "{} audit event(s) in the database differ from the backup; see `strongroom audit \
                 verify`. Restore it into another database",
                self.audit_events.differ
            ));
        }
        if rules.undo {
            return self.undo_refusal();
        }
        if newer > 0 && !rules.keep_newer {
            return Some(format!(
                "{newer} credential(s) are newer in the database, or were deleted there after the \
                 backup. --keep-newer keeps their state and restores the rest; --undo puts them \
                 back as they were"
            ));
        }
        (differ > 0 && !rules.replace).then(|| {
            format!(
                "{differ} credential(s) in the database are older than the backup or differ from \
                 it. --replace replaces them"
            )
        })
    }

    // What was not changed by a caller is not undone as if it were.
    fn undo_refusal(&self) -> Option<String> {
        let Tally {
            insert,
            newer,
            differ,
            ..
        } = self.credentials;
        if !self.exists {
            return Some("the database does not have it. Restore it without --undo".into());
        }
        if insert > 0 {
            return Some(format!(
                "{insert} credential(s) are missing in the database, and were not deleted. Restore \
                 them first, with --keep-newer instead of --undo"
            ));
        }
        if differ > 0 {
            return Some(format!(
                "{differ} credential(s) in the database are older than the backup, damaged or \
                 altered. Restore them first, with --keep-newer --replace instead of --undo"
            ));
        }
        (newer > self.undo.len() as u64)
            .then(|| "it has no active key in the database; see `strongroom verify`".into())
    }
}
