//! The comparison of one organization's rows with the database, and the inserts of missing rows.

use std::collections::HashMap;
use std::mem::take;

use crate::backup::comparison::{Verdict, compare};
use crate::backup::credential_record::CredentialRow;
use crate::backup::record::{CheckpointRow, EventRow, OrgKeyRow, OrganizationRow, Record};
use crate::history::StoredVersion;
use crate::ids::{CredentialId, LaneId};
use crate::keyring::organization::OrgKeyring;
use crate::vault::restore::error::RestoreError;
use crate::vault::restore::organization::{Comparison, OrgPass};

impl<'a> OrgPass<'a> {
    pub(super) async fn compare_organization(
        &mut self,
        row: OrganizationRow,
    ) -> Result<(), RestoreError> {
        let Some(target) = &self.target else {
            return Ok(());
        };
        let existing = target.organization().await?;
        self.plan.exists = existing.is_some();
        let destroyed = existing.is_some_and(|existing| existing.destroyed_at.is_some());
        self.plan.destroyed = destroyed && row.destroyed_at.is_none();
        if !self.plan.exists {
            self.insert(vec![Record::Organization(row)]).await?;
            self.plan.other_inserts += 1;
        }
        Ok(())
    }

    // If the database has an active key, no generation is restored: a missing one was retired, and
    // credentials that need it are re-wrapped with the active one.
    pub(super) async fn compare_keys(&mut self, keys: &OrgKeyring) -> Result<(), RestoreError> {
        let (Some(target), Some(comparison)) = (&self.target, self.comparison) else {
            return Ok(());
        };
        let existing = target.org_keys().await?;
        let (existing_keys, _) = comparison
            .keys
            .root
            .open_org_keys_each(self.org(), &existing);
        match keys.joined(&existing_keys) {
            None => self.plan.other_keys = true,
            Some(joined) if existing.iter().any(|key| key.active) => {
                self.checks.generation = Some(joined.active());
                self.joined = Some(joined);
            }
            Some(_) => {
                let missing: Vec<_> = self
                    .org_keys
                    .iter()
                    .filter(|row| !existing.iter().any(|key| key.generation == row.generation))
                    .cloned()
                    .collect();
                self.plan.other_inserts += missing.len() as u64;
                self.insert_keys(missing, comparison).await?;
            }
        }
        Ok(())
    }

    async fn insert_keys(
        &mut self,
        rows: Vec<OrgKeyRow>,
        comparison: Comparison<'a>,
    ) -> Result<(), RestoreError> {
        if !self.writing || rows.is_empty() {
            return Ok(());
        }
        let active = comparison.keys.root.active_id();
        let mut records = Vec::with_capacity(rows.len());
        for mut row in rows {
            if row.root_key_id != active.0 {
                let (org, stored) = (self.org(), row.stored());
                let rewrapped = comparison.keys.root.rewrap_org_key_from(
                    &self.backup.root,
                    org,
                    &stored,
                    comparison.random,
                );
                // A key that does not open is restored unchanged, if at all.
                if let Ok(rewrapped) = rewrapped {
                    row.root_key_id = active.0;
                    row.wrapped_key = rewrapped.wrapped;
                }
            }
            records.push(Record::OrgKey(row));
        }
        self.checks.root_key = Some(active);
        self.insert(records).await
    }

    pub(super) async fn flush(&mut self) -> Result<(), RestoreError> {
        let batch = take(&mut self.batch);
        match batch.first() {
            None => Ok(()),
            Some(Record::Credential(_)) => self.flush_credentials(batch).await,
            Some(Record::Event(_)) => self.flush_events(batch).await,
            Some(Record::Checkpoint(_)) => self.flush_checkpoints(batch).await,
            Some(Record::ApiKey(_)) => self.flush_api_keys(batch).await,
            Some(Record::Rotation(_)) if self.plan.exists => Ok(()),
            Some(Record::Rotation(_)) => {
                self.plan.other_inserts += batch.len() as u64;
                self.insert(batch).await
            }
            // Last-used times are merged; the later one takes precedence. Ancestors and OAuth 2.0
            // clients that are there stay.
            Some(_) => self.insert(batch).await,
        }
    }

    async fn flush_credentials(&mut self, batch: Vec<Record>) -> Result<(), RestoreError> {
        let Some(target) = &self.target else {
            return Ok(());
        };
        let rows = batch.into_iter().filter_map(|record| match record {
            Record::Credential(row) => Some(row),
            _ => None,
        });
        let rows: Vec<CredentialRow> = rows.collect();
        let ids: Vec<_> = rows.iter().map(|row| CredentialId(row.cred_id)).collect();
        let present = target.credentials(&ids).await?;
        let present: HashMap<_, _> = present
            .iter()
            .map(|existing| (existing.id.0, existing))
            .collect();
        if let Some(selected) = self.comparison.and_then(|comparison| comparison.undo) {
            return self.plan_undo(rows, &present, selected);
        }
        let (mut inserts, mut replacements) = (Vec::new(), Vec::new());
        for row in rows {
            let verdict = compare(&row, present.get(&row.cred_id).copied());
            self.plan.credentials.add(verdict);
            match verdict {
                Verdict::Insert => inserts.push(Record::Credential(self.rewrapped(row)?)),
                Verdict::Differ if self.rules.replace => replacements.push(self.rewrapped(row)?),
                Verdict::Same | Verdict::Newer | Verdict::Differ => {}
            }
        }
        self.insert(inserts).await?;
        if let Some(target) = self.target.as_ref().filter(|_| self.writing) {
            for row in &replacements {
                target.replace(row).await?;
            }
        }
        Ok(())
    }

    // Re-wraps the row with the active key of the database, if necessary.
    fn rewrapped(&self, mut row: CredentialRow) -> Result<CredentialRow, RestoreError> {
        let (Some(joined), Some(comparison), Some(sealed)) =
            (&self.joined, self.comparison, row.sealed())
        else {
            return Ok(row);
        };
        if !self.writing {
            return Ok(row);
        }
        if row.key_generation != joined.active() && joined.open(&sealed).is_ok() {
            let rewrapped = joined.rewrap(&sealed, comparison.random)?;
            row.key_generation = rewrapped.key_generation;
            row.wrapped_key = rewrapped.wrapped_key;
        }
        for version in &mut row.versions {
            let stored = version.stored();
            let Some(value) = stored.as_ref().and_then(StoredVersion::sealed) else {
                continue;
            };
            let number = version.value_version;
            // A value that does not open is restored unchanged, if at all.
            if value.key_generation != joined.active()
                && let Ok(rewrapped) =
                    joined.rewrap_value(sealed.id, number, value, comparison.random)
            {
                version.key_generation = Some(rewrapped.key_generation);
                version.wrapped_key = Some(rewrapped.wrapped_key);
            }
        }
        Ok(row)
    }

    async fn flush_events(&mut self, batch: Vec<Record>) -> Result<(), RestoreError> {
        let Some(target) = &self.target else {
            return Ok(());
        };
        let position = |row: &EventRow| (LaneId(row.lane), row.seq);
        let events = batch.iter().filter_map(|record| match record {
            Record::Event(row) => Some(row),
            _ => None,
        });
        let positions: Vec<_> = events.map(position).collect();
        let existing = target.events(&positions).await?;
        let existing: HashMap<_, _> = existing
            .into_iter()
            .map(|(lane, seq, mac)| ((lane, seq), mac))
            .collect();
        let mut lanes: Vec<_> = positions.iter().map(|(lane, _)| *lane).collect();
        lanes.dedup();
        let pruned: HashMap<_, _> = target.pruned(&lanes).await?.into_iter().collect();
        let mut inserts = Vec::new();
        for record in batch {
            let Record::Event(row) = &record else {
                continue;
            };
            let verdict = match existing.get(&position(row)) {
                Some(mac) if *mac == row.mac => Verdict::Same,
                Some(_) => Verdict::Differ,
                None if pruned
                    .get(&LaneId(row.lane))
                    .is_some_and(|last| *last >= row.seq) =>
                {
                    Verdict::Newer
                }
                None => Verdict::Insert,
            };
            self.plan.audit_events.add(verdict);
            if verdict == Verdict::Insert {
                inserts.push(record);
            }
        }
        self.insert(inserts).await
    }

    async fn flush_checkpoints(&mut self, batch: Vec<Record>) -> Result<(), RestoreError> {
        let Some(target) = &self.target else {
            return Ok(());
        };
        let rows: Vec<&CheckpointRow> = batch
            .iter()
            .filter_map(|record| match record {
                Record::Checkpoint(row) => Some(row),
                _ => None,
            })
            .collect();
        let lanes: Vec<_> = rows.iter().map(|row| LaneId(row.lane)).collect();
        let pruned: HashMap<_, _> = target.pruned(&lanes).await?.into_iter().collect();
        // If the event exists, it was not pruned.
        let positions: Vec<_> = rows.iter().map(|row| (LaneId(row.lane), row.seq)).collect();
        let existing = target.events(&positions).await?;
        let mut inserts = Vec::new();
        for row in rows {
            let lane = LaneId(row.lane);
            let known = pruned.get(&lane).is_some_and(|last| *last >= row.seq)
                || existing
                    .iter()
                    .any(|(at, seq, _)| (*at, *seq) == (lane, row.seq));
            if !known {
                inserts.push(Record::Checkpoint(row.clone()));
            }
        }
        self.plan.other_inserts += inserts.len() as u64;
        self.insert(inserts).await
    }

    async fn flush_api_keys(&mut self, batch: Vec<Record>) -> Result<(), RestoreError> {
        let Some(target) = &self.target else {
            return Ok(());
        };
        let existing = target.api_keys().await?;
        let existing: HashMap<_, _> = existing.iter().map(|key| (key.id.0, key)).collect();
        let mut inserts = Vec::new();
        for record in batch {
            let Record::ApiKey(row) = &record else {
                continue;
            };
            let verdict = match existing.get(&row.key_id) {
                None => Verdict::Insert,
                Some(key) if key.digest == row.digest => Verdict::Same,
                Some(key) if key.revoked_at.is_some() => Verdict::Newer,
                Some(_) => Verdict::Differ,
            };
            self.plan.api_keys.add(verdict);
            if verdict == Verdict::Insert {
                inserts.push(record);
            }
        }
        self.insert(inserts).await
    }

    async fn insert(&self, rows: Vec<Record>) -> Result<(), RestoreError> {
        match &self.target {
            Some(target) if self.writing && !rows.is_empty() => target.insert(&rows).await?,
            _ => {}
        }
        Ok(())
    }
}
