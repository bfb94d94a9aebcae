//! The rules by which a restore compares and writes rows.

use serde::Serialize;
use uuid::Uuid;

use crate::backup::credential_record::CredentialRow;
use crate::ids::CredentialId;

/// A credential that exists or existed in the database.
#[derive(Debug)]
pub struct ExistingCredential {
    /// Its id.
    pub id: CredentialId,
    /// Its row; `None` if it has none.
    pub row: Option<CredentialRow>,
    /// Whether the audit trail records its deletion.
    pub deleted: bool,
}

/// Options that permit a restore to do more than insert missing rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct RestoreRules {
    /// Keep credentials that are newer in the database or were deleted after the backup.
    pub keep_newer: bool,
    /// Replace credentials that are older or damaged in the database.
    pub replace: bool,
    /// Restore rows that do not verify.
    pub despite_findings: bool,
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

/// The comparison of a backup's row with the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Insert,
    Same,
    Newer,
    Differ,
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

/// Compares `row` with the existing one. The wrapped data key is compared only if both rows have
/// the same generation, because rotations replace it without changing the credential.
pub(crate) fn compare(row: &CredentialRow, present: Option<&ExistingCredential>) -> Verdict {
    let Some(present) = present else {
        return Verdict::Insert;
    };
    let Some(existing) = &present.row else {
        return if present.deleted {
            Verdict::Newer
        } else {
            Verdict::Insert
        };
    };
    let deleted_since = existing.deleted_at.is_some() && row.deleted_at.is_none();
    if existing.version > row.version || (existing.version == row.version && deleted_since) {
        return Verdict::Newer;
    }
    let mut comparable = existing.clone();
    comparable.updated_at = row.updated_at;
    if comparable.key_generation != row.key_generation {
        comparable.key_generation = row.key_generation;
        comparable.wrapped_key.clone_from(&row.wrapped_key);
    }
    for (version, backed_up) in comparable.versions.iter_mut().zip(&row.versions) {
        if version.key_generation != backed_up.key_generation {
            version.key_generation = backed_up.key_generation;
            version.wrapped_key.clone_from(&backed_up.wrapped_key);
        }
    }
    if comparable == *row {
        Verdict::Same
    } else {
        Verdict::Differ
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
        if newer > 0 && !rules.keep_newer {
            return Some(format!(
                "{newer} credential(s) are newer in the database, or were deleted there after the \
                 backup. --keep-newer keeps their state and restores the rest"
            ));
        }
        (differ > 0 && !rules.replace).then(|| {
            format!(
                "{differ} credential(s) in the database are older than the backup or differ from \
                 it. --replace replaces them"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::ids::CredentialId;

    fn row(version: i64, blob: u8) -> CredentialRow {
        CredentialRow {
            cred_id: Uuid::nil(),
            provider: "generic".into(),
            cred_type: "api_key".into(),
            label: String::new(),
            version,
            value_version: None,
            expires_at: None,
            expires_source: None,
            key_generation: 1,
            wrapped_key: vec![1],
            sealed_blob: vec![blob],
            updated_at: DateTime::UNIX_EPOCH,
            pieces_user: None,
            deleted_at: None,
            recover_until: None,
            history: None,
            versions: Vec::new(),
        }
    }

    fn present(row: Option<CredentialRow>, deleted: bool) -> ExistingCredential {
        let id = CredentialId(Uuid::nil());
        ExistingCredential { id, row, deleted }
    }

    #[test]
    fn a_row_is_compared_by_version_and_content() {
        let cases = [
            (None, Verdict::Insert),
            (Some(present(None, false)), Verdict::Insert),
            (Some(present(None, true)), Verdict::Newer),
            (Some(present(Some(row(2, 0)), false)), Verdict::Same),
            (Some(present(Some(row(3, 0)), false)), Verdict::Newer),
            (Some(present(Some(row(1, 0)), false)), Verdict::Differ),
            (Some(present(Some(row(2, 1)), false)), Verdict::Differ),
        ];
        for (at, (existing, verdict)) in cases.iter().enumerate() {
            assert_eq!(
                compare(&row(2, 0), existing.as_ref()),
                *verdict,
                "case {at}"
            );
        }
        let mut deleted = row(2, 0);
        deleted.deleted_at = Some(DateTime::UNIX_EPOCH);
        let deleted = present(Some(deleted), true);
        assert_eq!(compare(&row(2, 0), Some(&deleted)), Verdict::Newer);
        let mut rewrapped = row(2, 0);
        rewrapped.wrapped_key = vec![2];
        let damaged = present(Some(rewrapped.clone()), false);
        assert_eq!(compare(&row(2, 0), Some(&damaged)), Verdict::Differ);
        rewrapped.key_generation = 2;
        let rotated = present(Some(rewrapped), false);
        assert_eq!(compare(&row(2, 0), Some(&rotated)), Verdict::Same);
    }
}
