use std::collections::HashMap;
use std::mem::{discriminant, take};

use super::{Into, RestoreObserver, damaged};
use crate::audit::{Action, Event};
use crate::backup::check::finding;
use crate::backup::rules::{Verdict, judge};
use crate::backup::{
    BackupFinding, CheckpointRow, CredentialRow, EventRow, KeyChecks, OpenedBackup, OrgKeyRow,
    OrgTarget, OrganizationEnd, OrganizationPlan, OrganizationRow, Record, RestoreError,
    RestoreRules, Tally, TrailCheck,
};
use crate::caller::{Caller, OrgScope, RequestInfo};
use crate::keyring::OrgKeyring;
use crate::store::StoreError;
use crate::{Clock, CredentialId, LaneId, OrgId};

/// Most records that are compared and written at a time.
const BATCH: usize = 200;

/// One organisation on its way.
pub(super) struct OrgPass<'a> {
    backup: &'a OpenedBackup,
    into: Option<Into<'a>>,
    rules: RestoreRules,
    writing: bool,
    target: Option<Box<dyn OrgTarget>>,
    counts: OrganizationEnd,
    trail: TrailCheck<'a>,
    org_keys: Vec<OrgKeyRow>,
    /// The backup's keys, once all have come.
    keys: Option<OrgKeyring>,
    /// Those of the backup and of the database, the latter's active one being active.
    joined: Option<OrgKeyring>,
    checks: KeyChecks,
    batch: Vec<Record>,
    pub(super) plan: OrganizationPlan,
}

impl<'a> OrgPass<'a> {
    pub(super) async fn start(
        backup: &'a OpenedBackup,
        row: OrganizationRow,
        into: Option<Into<'a>>,
        rules: RestoreRules,
        writing: bool,
    ) -> Result<Self, RestoreError> {
        let org = OrgId(row.org_id);
        let target = match into {
            None => None,
            Some(into) => Some(into.target.open(OrgScope::new(org)).await?),
        };
        let mut pass = Self {
            backup,
            into,
            rules,
            writing,
            target,
            counts: OrganizationEnd::of(org),
            trail: TrailCheck::new(&backup.chain, &backup.service.audit_signing, org),
            org_keys: Vec::new(),
            keys: None,
            joined: None,
            checks: KeyChecks::default(),
            batch: Vec::new(),
            plan: plan(&row),
        };
        pass.compare_organization(row).await?;
        Ok(pass)
    }

    pub(super) fn org(&self) -> OrgId {
        OrgId(self.plan.org_id)
    }

    async fn compare_organization(&mut self, row: OrganizationRow) -> Result<(), RestoreError> {
        let Some(target) = &self.target else {
            return Ok(());
        };
        let there = target.organization().await?;
        self.plan.exists = there.is_some();
        let destroyed = there.is_some_and(|there| there.destroyed_at.is_some());
        self.plan.destroyed = destroyed && row.destroyed_at.is_none();
        if !self.plan.exists {
            self.insert(vec![Record::Organization(row)]).await?;
            self.plan.other_inserts += 1;
        }
        Ok(())
    }

    /// Verifies `record` and compares it with the database.
    pub(super) async fn take(
        &mut self,
        record: Record,
        observer: &mut dyn RestoreObserver,
    ) -> Result<(), RestoreError> {
        self.counts.count(&record);
        if let Record::OrgKey(row) = record {
            if self.keys.is_some() {
                return Err(damaged("its lines are not in their order"));
            }
            self.org_keys.push(row);
            return Ok(());
        }
        self.settle_keys(observer).await?;
        for finding in self.verify(&record) {
            self.plan.findings += 1;
            observer.found(&finding);
        }
        if self.target.is_none() {
            return Ok(());
        }
        let kind = discriminant(&record);
        let other = self
            .batch
            .first()
            .is_some_and(|first| discriminant(first) != kind);
        if other || self.batch.len() >= BATCH {
            self.flush().await?;
        }
        self.batch.push(record);
        Ok(())
    }

    /// Takes the organisation's last line.
    pub(super) async fn end(
        &mut self,
        end: &OrganizationEnd,
        observer: &mut dyn RestoreObserver,
    ) -> Result<(), RestoreError> {
        self.settle_keys(observer).await?;
        self.flush().await?;
        if let Some(finding) = self.trail.end() {
            self.plan.findings += 1;
            observer.found(&finding);
        }
        self.counts.findings = end.findings;
        if self.counts != *end {
            let org = self.org();
            return Err(damaged(format!(
                "rows of organisation {org} are missing or too many"
            )));
        }
        // What only the database could tell when the backup was made.
        self.plan.findings = self.plan.findings.max(end.findings);
        Ok(())
    }

    fn verify(&mut self, record: &Record) -> Vec<BackupFinding> {
        match record {
            Record::Credential(row) => self.open(row).into_iter().collect(),
            Record::Checkpoint(row) => self.trail.checkpoint(row).into_iter().collect(),
            Record::Event(row) => self.trail.event(row).0,
            _ => Vec::new(),
        }
    }

    fn open(&self, row: &CredentialRow) -> Option<BackupFinding> {
        let (org, id) = (self.org(), CredentialId(row.cred_id));
        let Some(sealed) = row.sealed() else {
            let message = "is of a form that no server writes".to_owned();
            return Some(finding(org, Some(id), "malformed", message));
        };
        // What was opened is wiped as it is dropped.
        let opened = self.keys.as_ref().map(|keys| keys.open(&sealed).is_ok());
        (opened != Some(true)).then(|| {
            let message = "does not open: it was moved, relabelled or altered".to_owned();
            finding(org, Some(id), "does_not_open", message)
        })
    }

    async fn settle_keys(
        &mut self,
        observer: &mut dyn RestoreObserver,
    ) -> Result<(), RestoreError> {
        if self.keys.is_some() {
            return Ok(());
        }
        let org = self.org();
        let stored: Vec<_> = self.org_keys.iter().map(OrgKeyRow::stored).collect();
        let (keys, broken) = self.backup.root.open_org_keys_each(org, &stored);
        for generation in broken {
            self.plan.findings += 1;
            let message =
                format!("generation {generation} of the organisation's key does not unwrap");
            observer.found(&finding(org, None, "key_does_not_unwrap", message));
        }
        self.compare_keys(&keys).await?;
        self.keys = Some(keys);
        Ok(())
    }

    // Where the database has an active key, no generation is brought back: one that is missing was retired, and
    // credentials that need it are wrapped by the active one.
    async fn compare_keys(&mut self, keys: &OrgKeyring) -> Result<(), RestoreError> {
        let (Some(target), Some(into)) = (&self.target, self.into) else {
            return Ok(());
        };
        let there = target.org_keys().await?;
        let (there_keys, _) = into.keys.root.open_org_keys_each(self.org(), &there);
        match keys.joined(&there_keys) {
            None => self.plan.other_keys = true,
            Some(joined) if there.iter().any(|key| key.active) => {
                self.checks.generation = Some(joined.active());
                self.joined = Some(joined);
            }
            Some(_) => {
                let missing: Vec<_> = self
                    .org_keys
                    .iter()
                    .filter(|row| !there.iter().any(|key| key.generation == row.generation))
                    .cloned()
                    .collect();
                self.plan.other_inserts += missing.len() as u64;
                self.insert_keys(missing, into).await?;
            }
        }
        Ok(())
    }

    async fn insert_keys(
        &mut self,
        rows: Vec<OrgKeyRow>,
        into: Into<'a>,
    ) -> Result<(), RestoreError> {
        if !self.writing || rows.is_empty() {
            return Ok(());
        }
        let active = into.keys.root.active_id();
        let mut records = Vec::with_capacity(rows.len());
        for mut row in rows {
            if row.root_key_id != active.0 {
                let (org, stored) = (self.org(), row.stored());
                let rewrapped = into.keys.root.rewrap_org_key_from(
                    &self.backup.root,
                    org,
                    &stored,
                    into.random,
                );
                // One that does not open is restored as it is, if at all.
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

    async fn flush(&mut self) -> Result<(), RestoreError> {
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
            // Last uses: merged, the later one counts.
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
        let present: HashMap<_, _> = present.iter().map(|there| (there.id.0, there)).collect();
        let (mut inserts, mut replacements) = (Vec::new(), Vec::new());
        for row in rows {
            let verdict = judge(&row, present.get(&row.cred_id).copied());
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

    // Under the key that is active in the database, if the row needs another one.
    fn rewrapped(&self, mut row: CredentialRow) -> Result<CredentialRow, RestoreError> {
        let (Some(joined), Some(into), Some(sealed)) = (&self.joined, self.into, row.sealed())
        else {
            return Ok(row);
        };
        if !self.writing || row.key_generation == joined.active() {
            return Ok(row);
        }
        if joined.open(&sealed).is_ok() {
            let rewrapped = joined.rewrap(&sealed, into.random)?;
            row.key_generation = rewrapped.key_generation;
            row.wrapped_key = rewrapped.wrapped_key;
        }
        Ok(row)
    }

    async fn flush_events(&mut self, batch: Vec<Record>) -> Result<(), RestoreError> {
        let Some(target) = &self.target else {
            return Ok(());
        };
        let place = |row: &EventRow| (LaneId(row.lane), row.seq);
        let events = batch.iter().filter_map(|record| match record {
            Record::Event(row) => Some(row),
            _ => None,
        });
        let places: Vec<_> = events.map(place).collect();
        let there = target.events(&places).await?;
        let there: HashMap<_, _> = there
            .into_iter()
            .map(|(lane, seq, mac)| ((lane, seq), mac))
            .collect();
        let mut lanes: Vec<_> = places.iter().map(|(lane, _)| *lane).collect();
        lanes.dedup();
        let pruned: HashMap<_, _> = target.pruned(&lanes).await?.into_iter().collect();
        let mut inserts = Vec::new();
        for record in batch {
            let Record::Event(row) = &record else {
                continue;
            };
            let verdict = match there.get(&place(row)) {
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
        // Where the event itself is there, nothing was pruned.
        let places: Vec<_> = rows.iter().map(|row| (LaneId(row.lane), row.seq)).collect();
        let there = target.events(&places).await?;
        let mut inserts = Vec::new();
        for row in rows {
            let lane = LaneId(row.lane);
            let known = pruned.get(&lane).is_some_and(|last| *last >= row.seq)
                || there
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
        let there = target.api_keys().await?;
        let there: HashMap<_, _> = there.iter().map(|key| (key.id.0, key)).collect();
        let mut inserts = Vec::new();
        for record in batch {
            let Record::ApiKey(row) = &record else {
                continue;
            };
            let verdict = match there.get(&row.key_id) {
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

    pub(super) async fn abandon(self) -> Result<(), RestoreError> {
        match self.target {
            Some(target) => Ok(target.abandon().await?),
            None => Ok(()),
        }
    }

    /// Makes what was written durable, unless the database `changed` since the first reading.
    pub(super) async fn finish(
        self,
        changed: bool,
        request: &RequestInfo,
        clock: &dyn Clock,
    ) -> Result<(), RestoreError> {
        let org = self.org();
        let Some(target) = self.target.filter(|_| self.writing) else {
            return Ok(());
        };
        if changed {
            target.abandon().await?;
            return Err(StoreError::Contended(format!(
                "organisation {org} was changed by somebody else meanwhile, and nothing of it was restored; run the \
                 same command again"
            ))
            .into());
        }
        let caller = Caller::operator(org, request.clone());
        let now = crate::backup::port::stored_time(clock.now());
        let event = Event::by(&caller, Action::OrganizationRestoreBackup, now);
        Ok(target.commit(event, self.checks).await?)
    }
}

fn plan(row: &OrganizationRow) -> OrganizationPlan {
    OrganizationPlan {
        org_id: row.org_id,
        name: row.name.clone(),
        exists: false,
        credentials: Tally::default(),
        audit_events: Tally::default(),
        api_keys: Tally::default(),
        other_inserts: 0,
        findings: 0,
        refused: None,
        destroyed: false,
        other_keys: false,
        seal: [0; 32],
    }
}
