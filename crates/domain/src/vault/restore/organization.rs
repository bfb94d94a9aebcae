//! The restore of one organization.

use std::mem::discriminant;

use chrono::{DateTime, Utc};
use serde_json::json;
use strongroom_crypto::RandomSource;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::backup::check::{TrailCheck, finding};
use crate::backup::credential_record::CredentialRow;
use crate::backup::finding::BackupFinding;
use crate::backup::record::{OrgKeyRow, OrganizationEnd, OrganizationRow, Record};
use crate::backup::rules::{OrganizationPlan, RestoreRules, Tally};
use crate::caller::{Caller, OrgScope, RequestInfo};
use crate::ids::{CredentialId, OrgId};
use crate::keyring::organization::OrgKeyring;
use crate::ports::backup::{KeyChecks, OrgTarget, RestoreTarget};
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::record_format::INSTALLATION_TRAIL;
use crate::vault::restore::error::{RestoreError, damaged};
use crate::vault::restore::opened::OpenedBackup;
use crate::vault::restore::target::TargetKeys;

/// Observes a restore pass.
pub trait RestoreObserver {
    /// Reports a finding.
    fn found(&mut self, finding: &BackupFinding);
}

/// The database with which a pass compares the backup.
#[derive(Clone, Copy)]
pub(super) struct Comparison<'a> {
    pub(super) target: &'a dyn RestoreTarget,
    pub(crate) keys: &'a TargetKeys,
    pub(crate) random: &'a dyn RandomSource,
    /// For an undo: the credentials to compare; none for all.
    pub(super) undo: Option<&'a [CredentialId]>,
}

/// Truncates a time to microseconds, the precision of PostgreSQL.
pub(crate) fn truncate_to_micros(now: DateTime<Utc>) -> DateTime<Utc> {
    use chrono::SubsecRound;
    now.trunc_subsecs(6)
}

/// The maximum number of records that are compared and written at once.
const BATCH: usize = 100;

/// The pass over one organization.
pub(super) struct OrgPass<'a> {
    pub(super) backup: &'a OpenedBackup,
    pub(super) comparison: Option<Comparison<'a>>,
    pub(super) rules: RestoreRules,
    pub(super) writing: bool,
    pub(super) target: Option<Box<dyn OrgTarget>>,
    pub(super) counts: OrganizationEnd,
    pub(super) trail: TrailCheck<'a>,
    pub(super) org_keys: Vec<OrgKeyRow>,
    /// The backup's keys, after all of them were read.
    pub(super) keys: Option<OrgKeyring>,
    /// The keys of the backup and the database, with the active generation of the database.
    pub(super) joined: Option<OrgKeyring>,
    pub(super) checks: KeyChecks,
    pub(super) batch: Vec<Record>,
    pub(super) plan: OrganizationPlan,
    /// The size of the values in the plan of an undo, in bytes.
    pub(super) undo_size: usize,
}

impl<'a> OrgPass<'a> {
    /// Starts the pass over the organization with this row, or over the installation.
    pub(super) async fn start(
        backup: &'a OpenedBackup,
        row: Option<OrganizationRow>,
        comparison: Option<Comparison<'a>>,
        rules: RestoreRules,
        writing: bool,
    ) -> Result<Self, RestoreError> {
        let org = row
            .as_ref()
            .map_or(OrgId::INSTALLATION, |row| OrgId(row.org_id));
        let name = row.as_ref().map_or("the installation", |row| &row.name);
        let target = match comparison {
            None => None,
            Some(comparison) => Some(comparison.target.open(OrgScope::new(org)).await?),
        };
        let mut pass = Self {
            backup,
            comparison,
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
            plan: plan(org, name),
            undo_size: 0,
        };
        match row {
            Some(row) => pass.compare_organization(row).await?,
            None => pass.plan.exists = comparison.is_some_and(|target| !target.keys.empty),
        }
        Ok(pass)
    }

    pub(super) fn org(&self) -> OrgId {
        OrgId(self.plan.org_id)
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
                return Err(damaged("its lines are out of order"));
            }
            self.org_keys.push(row);
            return Ok(());
        }
        self.open_keys(observer).await?;
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

    /// Checks the organization's last line.
    pub(super) async fn end(
        &mut self,
        end: &OrganizationEnd,
        observer: &mut dyn RestoreObserver,
    ) -> Result<(), RestoreError> {
        self.open_keys(observer).await?;
        self.flush().await?;
        // Before record format 3, the installation has no trail.
        let is_expected = self.org() != OrgId::INSTALLATION;
        if let Some(finding) = self.trail.end().filter(|_| is_expected) {
            self.plan.findings += 1;
            observer.found(&finding);
        }
        self.counts.findings = end.findings;
        if self.counts != *end {
            let org = self.org();
            return Err(damaged(format!(
                "organization {org} has missing or additional rows"
            )));
        }
        // Some findings could be detected only at the time of the backup.
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
        let Some(current) = row.current() else {
            let message = "has a form that no server writes".to_owned();
            return Some(finding(org, Some(id), "malformed", message));
        };
        // The plaintext is wiped on drop.
        let opens = |keys: &OrgKeyring| {
            let mut sealed = current.versions.iter().filter(|one| one.sealed().is_some());
            keys.open(&current.row).is_ok()
                && sealed.all(|version| keys.open_value(&current.row, version).is_ok())
                && row.relay_policy.as_ref().is_none_or(|policy| {
                    policy.stored().is_some_and(|policy| {
                        let opens = |sealed| keys.open_policy(&current.row, policy.version, sealed);
                        policy
                            .sealed
                            .as_ref()
                            .is_none_or(|sealed| opens(sealed).is_ok())
                    })
                })
        };
        (!self.keys.as_ref().is_some_and(opens)).then(|| {
            let message = "does not open: it was moved, relabeled or altered".to_owned();
            finding(org, Some(id), "does_not_open", message)
        })
    }

    async fn open_keys(&mut self, observer: &mut dyn RestoreObserver) -> Result<(), RestoreError> {
        if self.keys.is_some() {
            return Ok(());
        }
        let org = self.org();
        let stored: Vec<_> = self.org_keys.iter().map(OrgKeyRow::stored).collect();
        let (keys, broken) = self.backup.root.open_org_keys_each(org, &stored);
        for generation in broken {
            self.plan.findings += 1;
            let message =
                format!("generation {generation} of the organization's key does not unwrap");
            observer.found(&finding(org, None, "key_does_not_unwrap", message));
        }
        self.compare_keys(&keys).await?;
        self.keys = Some(keys);
        Ok(())
    }

    pub(super) async fn abandon(self) -> Result<(), RestoreError> {
        match self.target {
            Some(target) => Ok(target.abandon().await?),
            None => Ok(()),
        }
    }

    /// Commits the restored rows, unless the database `changed` since the first pass.
    pub(super) async fn finish(
        self,
        changed: bool,
        request: &RequestInfo,
        clock: &dyn Clock,
    ) -> Result<(), RestoreError> {
        let org = self.org();
        let restored = self.org_keys.iter().find(|key| key.active);
        let restored = restored.map(|key| key.generation);
        let generation = self.checks.generation.or(restored);
        let record_format = self.backup.chain.record_format();
        let Some(target) = self.target.filter(|_| self.writing) else {
            return Ok(());
        };
        if changed {
            target.abandon().await?;
            return Err(StoreError::Contended(format!(
                "organization {org} changed concurrently and was not restored; run the same \
                 command again"
            ))
            .into());
        }
        let caller = Caller::operator(org, request.clone());
        let now = truncate_to_micros(clock.now());
        let mut events = vec![Event::by(&caller, Action::OrganizationRestoreBackup, now)];
        // An old backup may lack the event that says which generation is active.
        if let Some(generation) = generation
            && record_format >= INSTALLATION_TRAIL
        {
            let details = Details::new([
                ("generation", json!(generation)),
                ("record_format", json!(record_format)),
            ]);
            let event = Event::by(&caller, Action::OrganizationAttest, now);
            events.push(event.with_details(details));
        }
        Ok(target.commit(events, self.checks).await?)
    }
}

fn plan(org: OrgId, name: &str) -> OrganizationPlan {
    OrganizationPlan {
        org_id: org.0,
        name: name.to_owned(),
        exists: false,
        credentials: Tally::default(),
        audit_events: Tally::default(),
        api_keys: Tally::default(),
        other_inserts: 0,
        findings: 0,
        undo: Vec::new(),
        refused: None,
        destroyed: false,
        other_keys: false,
        seal: [0; 32],
    }
}
