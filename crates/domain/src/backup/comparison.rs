//! The comparison of backed-up credentials with the existing ones.

use serde_json::json;

use crate::audit::stored::format_time;
use crate::backup::credential_record::CredentialRow;
use crate::ids::CredentialId;
use crate::scrub::DeletionRecord;

/// A credential that exists or existed in the database.
#[derive(Debug)]
pub struct ExistingCredential {
    /// Its id.
    pub id: CredentialId,
    /// Its row; `None` if it has none.
    pub row: Option<CredentialRow>,
    /// Its newest deletion in the audit trail.
    pub deletion: Option<DeletionRecord>,
}

impl ExistingCredential {
    /// Whether it is missing since the backup's `row` was deleted. A deleted row that is missing
    /// within its window was lost.
    fn is_deleted_since(&self, row: &CredentialRow) -> bool {
        let deletion = self.deletion.as_ref();
        let deletion = deletion.filter(|deletion| deletion.version >= row.version);
        deletion.is_some_and(|found| found.window().is_none() || row.deleted_at.is_none())
    }

    /// Whether `existing` is marked as deleted as the trail says.
    fn is_marked_as_recorded(&self, existing: &CredentialRow) -> bool {
        let until = existing
            .recover_until
            .map(|until| json!(format_time(until)));
        let deletion = self.deletion.as_ref();
        let deletion = deletion.filter(|deletion| deletion.version == existing.version);
        until.is_some() && deletion.and_then(DeletionRecord::window) == until
    }
}

/// The comparison of a backup's row with the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Insert,
    Same,
    Newer,
    Differ,
}

/// Compares `row` with the existing one. The wrapped data key is compared only if both rows have
/// the same generation, because rotations replace it without changing the credential.
pub(crate) fn compare(row: &CredentialRow, present: Option<&ExistingCredential>) -> Verdict {
    let Some(present) = present else {
        return Verdict::Insert;
    };
    let Some(existing) = &present.row else {
        return match present.is_deleted_since(row) {
            true => Verdict::Newer,
            false => Verdict::Insert,
        };
    };
    if existing.version > row.version {
        return Verdict::Newer;
    }
    let is_marked = existing.deleted_at.is_some() && row.deleted_at.is_none();
    if existing.version == row.version && is_marked {
        return match present.is_marked_as_recorded(existing) {
            true => Verdict::Newer,
            false => Verdict::Differ,
        };
    }
    let mut comparable = existing.clone();
    comparable.updated_at = row.updated_at;
    // A policy has versions of its own, and one that is there stays.
    comparable.relay_policy.clone_from(&row.relay_policy);
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

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::audit::details::Details;

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
            relay_policy: None,
        }
    }

    fn present(row: Option<CredentialRow>, deleted: bool) -> ExistingCredential {
        let id = CredentialId(Uuid::nil());
        let (version, details) = (2, None);
        let deletion = deleted.then_some(DeletionRecord { version, details });
        ExistingCredential { id, row, deletion }
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
        deleted.recover_until = Some(DateTime::UNIX_EPOCH);
        let unrecorded = present(Some(deleted.clone()), true);
        assert_eq!(compare(&row(2, 0), Some(&unrecorded)), Verdict::Differ);
        let until = json!(format_time(DateTime::UNIX_EPOCH));
        let window = Details::new([("recover_until", until)]);
        let recorded = |row, version| {
            let details = Some(window.clone());
            let deletion = Some(DeletionRecord { version, details });
            ExistingCredential {
                deletion,
                ..present(row, false)
            }
        };
        let kept = recorded(Some(deleted.clone()), 2);
        assert_eq!(compare(&row(2, 0), Some(&kept)), Verdict::Newer);
        // Lost within its window, or since it was restored.
        assert_eq!(compare(&deleted, Some(&recorded(None, 2))), Verdict::Insert);
        assert_eq!(
            compare(&row(3, 0), Some(&recorded(None, 2))),
            Verdict::Insert
        );
        assert_eq!(
            compare(&row(2, 0), Some(&recorded(None, 2))),
            Verdict::Newer
        );
        let mut rewrapped = row(2, 0);
        rewrapped.wrapped_key = vec![2];
        let damaged = present(Some(rewrapped.clone()), false);
        assert_eq!(compare(&row(2, 0), Some(&damaged)), Verdict::Differ);
        rewrapped.key_generation = 2;
        let rotated = present(Some(rewrapped), false);
        assert_eq!(compare(&row(2, 0), Some(&rotated)), Verdict::Same);
    }
}
