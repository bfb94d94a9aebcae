//! The plan of an undo: which credentials differ from a backup.

use std::collections::HashMap;

use strongroom_crypto::RandomSource;
use uuid::Uuid;

use crate::backup::comparison::{ExistingCredential, Verdict, compare};
use crate::backup::credential_record::CredentialRow;
use crate::backup::undo::{Undo, UndoStep};
use crate::credential::SealedCredential;
use crate::error::VaultError;
use crate::ids::CredentialId;
use crate::json::value::same;
use crate::keyring::organization::OrgKeyring;
use crate::vault::restore::error::RestoreError;
use crate::vault::restore::organization::OrgPass;

/// The maximum size of the sealed values that one undo puts back, which stay in memory: 256 MiB.
const MAX_SIZE: usize = 256 << 20;

impl OrgPass<'_> {
    /// Compares the `selected` ones of `rows` with those in the database; all if none are selected.
    /// One that was deleted at the time of the backup is compared only if it is selected.
    pub(super) fn plan_undo(
        &mut self,
        rows: Vec<CredentialRow>,
        present: &HashMap<Uuid, &ExistingCredential>,
        selected: &[CredentialId],
    ) -> Result<(), RestoreError> {
        for row in rows {
            let is_selected = match selected {
                [] => row.deleted_at.is_none(),
                _ => selected.contains(&CredentialId(row.cred_id)),
            };
            if !is_selected {
                continue;
            }
            let existing = present.get(&row.cred_id).copied();
            let verdict = match (compare(&row, existing), existing) {
                (Verdict::Newer, Some(existing)) => self.plan_one(&row, existing)?,
                (verdict, _) => verdict,
            };
            self.plan.credentials.add(verdict);
        }
        Ok(())
    }

    fn plan_one(
        &mut self,
        row: &CredentialRow,
        existing: &ExistingCredential,
    ) -> Result<Verdict, RestoreError> {
        let (Some(joined), Some(comparison)) = (&self.joined, self.comparison) else {
            return Ok(Verdict::Newer);
        };
        let Some(backed_up) = row.sealed().filter(|row| joined.open(row).is_ok()) else {
            return Ok(Verdict::Newer);
        };
        let current = match &existing.row {
            None => None,
            Some(current) => match current.sealed() {
                Some(current) => Some(current),
                None => return Ok(Verdict::Differ),
            },
        };
        let is_same = current
            .as_ref()
            .map(|one| has_same(joined, &backed_up, one));
        let step = match is_same.transpose() {
            Err(_) => return Ok(Verdict::Differ),
            Ok(is_same) => step(current.as_ref(), is_same),
        };
        let Some(step) = step else {
            return Ok(Verdict::Same);
        };
        let tag = |row: &SealedCredential| self.backup.chain.entity_tag(self.org(), row);
        let undo = Undo {
            credential_id: backed_up.id,
            label: row.label.clone(),
            step,
            seen: current
                .filter(|row| row.deletion.is_none())
                .as_ref()
                .map(tag),
            backed_up: rewrapped(joined, backed_up, comparison.random)?,
        };
        self.undo_size += undo.backed_up.sealed_blob.len();
        if self.undo_size > MAX_SIZE {
            return Err(RestoreError::TooMuch);
        }
        self.plan.undo.push(undo);
        Ok(Verdict::Newer)
    }
}

/// How a credential is put back whose current row, if any, has or has not the same content.
fn step(current: Option<&SealedCredential>, is_same: Option<bool>) -> Option<UndoStep> {
    let is_deleted = current.is_some_and(|row| row.deletion.is_some());
    match (is_same, is_deleted) {
        (None, _) => Some(UndoStep::Create),
        (Some(true), true) => Some(UndoStep::Restore),
        (Some(false), true) => Some(UndoStep::RestoreAndChange),
        (Some(true), false) => None,
        (Some(false), false) => Some(UndoStep::Change),
    }
}

/// The row, with the active key of the database.
fn rewrapped(
    keys: &OrgKeyring,
    mut row: SealedCredential,
    random: &dyn RandomSource,
) -> Result<SealedCredential, VaultError> {
    if row.key_generation != keys.active() {
        let rewrapped = keys.rewrap(&row, random)?;
        row.key_generation = rewrapped.key_generation;
        row.wrapped_key = rewrapped.wrapped_key;
    }
    Ok(row)
}

/// Whether two rows have the same label, value and expiry.
fn has_same(
    keys: &OrgKeyring,
    backed_up: &SealedCredential,
    current: &SealedCredential,
) -> Result<bool, VaultError> {
    let (then, now) = (keys.open(backed_up)?, keys.open(current)?);
    // A row of an earlier format has no expiry of its own.
    let same_expiry = !backed_up.binds_value() || backed_up.expiry == current.expiry;
    Ok(same_expiry && backed_up.label == current.label && same(then.expose(), now.expose()))
}
