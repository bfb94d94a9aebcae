use std::collections::HashSet;

use futures_util::future::try_join_all;
use uuid::Uuid;

use super::Vault;
use super::scrub::after;
use crate::audit::{Action, Checkpoint, Event, EventPlace, HeadEvidence, LaneHead, StoredTime};
use crate::backup::{
    BackupFinding, BackupSink, BackupSource, CheckpointRow, End, FORMAT, Header, OrganizationEnd,
    OrganizationRow, Record, Seal, Snapshot, TrailCheck, line,
};
use crate::caller::{Caller, Permission, RequestInfo};
use crate::crypto::Signer;
use crate::store::StoredOrgKey;
use crate::{CredentialId, LaneId, OrgId, VaultError};

/// Credentials per statement: at most 6.5 MB of sealed bytes.
const CREDENTIALS: i64 = 100;
/// Other rows per statement.
const ROWS: i64 = 1000;
/// How many named heads are looked up at a time.
const HEADS_AT_ONCE: usize = 512;
/// How many events are recorded at a time.
const EVENTS_AT_ONCE: usize = 200;

/// What is backed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupScope {
    /// Everything.
    Service,
    /// One organisation, and the service's own keys, wrapped.
    Organization(OrgId),
}

/// A backup under way.
struct Writing<'a> {
    vault: &'a Vault,
    snapshot: &'a dyn Snapshot,
    sink: &'a mut dyn BackupSink,
    seal: Seal,
    findings: u64,
}

impl Vault {
    /// Copies what `scope` names out of one snapshot of `source` into `sink`, and verifies it on the way: every
    /// credential opens and is what the trail says, and the trail's chains hold. What does not verify is told and
    /// copied all the same. Records the backup in each organisation's trail first. Returns how many organisations were
    /// copied, and how many findings there were.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] when there is no such organisation, or the store's or the sink's failure.
    pub async fn backup(
        &self,
        source: &dyn BackupSource,
        scope: BackupScope,
        request: &RequestInfo,
        sink: &mut dyn BackupSink,
    ) -> Result<(u64, u64), VaultError> {
        let wanted = |org: OrgId| match scope {
            BackupScope::Service => true,
            BackupScope::Organization(one) => one == org,
        };
        let known = self.organizations().await?;
        let known: Vec<OrgId> = known
            .iter()
            .map(|org| org.id)
            .filter(|org| wanted(*org))
            .collect();
        self.record_backup(&known, request).await?;
        let snapshot = source.snapshot().await?;
        let organizations = snapshot.organizations().await?;
        let organizations: Vec<OrganizationRow> = organizations
            .into_iter()
            .filter(|row| wanted(OrgId(row.org_id)))
            .collect();
        if scope != BackupScope::Service && organizations.is_empty() {
            return Err(VaultError::NotFound);
        }
        let known: HashSet<OrgId> = known.into_iter().collect();
        let new = organizations.iter().map(|row| OrgId(row.org_id));
        let new: Vec<OrgId> = new.filter(|org| !known.contains(org)).collect();
        self.record_backup(&new, request).await?;
        let mut writing = Writing {
            vault: self,
            snapshot: &*snapshot,
            sink,
            seal: Seal::new(self.service.audit.clone()),
            findings: 0,
        };
        writing.header(source.schema(), scope).await?;
        writing.expect(&organizations, request).await?;
        for row in &organizations {
            writing.organization(row, request).await?;
        }
        let count = organizations.len() as u64;
        let findings = writing.end(count)?;
        snapshot.finish().await?;
        Ok((count, findings))
    }

    async fn record_backup(&self, orgs: &[OrgId], request: &RequestInfo) -> Result<(), VaultError> {
        for some in orgs.chunks(EVENTS_AT_ONCE) {
            let records = some.iter().map(|org| async {
                let caller = Caller::operator(*org, request.clone());
                caller.require(Permission::BackUp)?;
                let event = Event::by(&caller, Action::OrganizationBackup, self.now());
                Ok::<_, VaultError>(self.store.record(caller.scope(), event).await?)
            });
            try_join_all(records).await?;
        }
        Ok(())
    }
}

impl Writing<'_> {
    fn put(&mut self, record: &Record) -> Result<(), VaultError> {
        let line = line(record)?;
        self.seal.add(&line);
        self.sink.put(&line)
    }

    async fn header(&mut self, schema: i32, scope: BackupScope) -> Result<(), VaultError> {
        let keys = self.snapshot.keys().await?;
        self.put(&Record::Header(Header {
            format: FORMAT,
            schema,
            created_at: self.vault.now(),
            scope: match scope {
                BackupScope::Service => None,
                BackupScope::Organization(org) => Some(org.0),
            },
            root_keys: keys.root_keys.iter().map(Into::into).collect(),
            service_keys: keys.service_keys.iter().map(Into::into).collect(),
            root_rotations: keys.root_rotations,
        }))
    }

    async fn expect(
        &mut self,
        organizations: &[OrganizationRow],
        request: &RequestInfo,
    ) -> Result<(), VaultError> {
        let mut rows = 0;
        for row in organizations {
            let caller = Caller::operator(OrgId(row.org_id), request.clone());
            self.snapshot.enter(caller.scope()).await?;
            rows += self.snapshot.count(caller.scope()).await?;
        }
        self.sink.expect(rows);
        Ok(())
    }

    fn end(&mut self, organizations: u64) -> Result<u64, VaultError> {
        let end = End {
            organizations,
            records: self.seal.lines(),
            mac: self.seal.digest().to_vec(),
        };
        self.sink.put(&line(&Record::End(end))?)?;
        Ok(self.findings)
    }

    async fn organization(
        &mut self,
        row: &OrganizationRow,
        request: &RequestInfo,
    ) -> Result<(), VaultError> {
        let caller = Caller::operator(OrgId(row.org_id), request.clone());
        let scope = caller.scope();
        self.snapshot.enter(scope).await?;
        self.put(&Record::Organization(row.clone()))?;
        let mut one = Organization {
            caller: &caller,
            counts: OrganizationEnd::of(caller.org()),
            writing: self,
        };
        let keys = one.keys(row.destroyed_at.is_some()).await?;
        for row in one.writing.snapshot.api_keys(scope).await? {
            one.put(&Record::ApiKey(row))?;
        }
        for row in one.writing.snapshot.rotations(scope).await? {
            one.put(&Record::Rotation(row))?;
        }
        one.credentials(keys).await?;
        if row.destroyed_at.is_none() {
            one.missing().await?;
        }
        one.uses().await?;
        one.trail().await?;
        let counts = one.counts;
        self.findings += counts.findings;
        self.put(&Record::OrganizationEnd(counts))
    }
}

/// One organisation on its way into a backup.
struct Organization<'a, 'b> {
    caller: &'a Caller,
    counts: OrganizationEnd,
    writing: &'a mut Writing<'b>,
}

impl Organization<'_, '_> {
    fn put(&mut self, record: &Record) -> Result<(), VaultError> {
        self.counts.count(record);
        self.writing.put(record)
    }

    fn found(&mut self, finding: &BackupFinding) {
        self.counts.findings += 1;
        self.writing.sink.found(finding);
    }

    fn problem(&mut self, credential: Option<CredentialId>, problem: crate::scrub::Problem) {
        self.found(&BackupFinding {
            org: self.caller.org(),
            credential,
            code: problem.code(),
            message: problem.to_string(),
        });
    }

    async fn keys(&mut self, destroyed: bool) -> Result<super::scrub::ScrubKeys, VaultError> {
        let scope = self.caller.scope();
        let rows = self.writing.snapshot.org_keys(scope).await?;
        let stored: Vec<StoredOrgKey> = rows.iter().map(crate::backup::OrgKeyRow::stored).collect();
        for row in rows {
            self.put(&Record::OrgKey(row))?;
        }
        let keys = self
            .writing
            .vault
            .opened_keys(self.caller.org(), stored)
            .await?;
        // A destroyed one has none, as it should be.
        if !destroyed {
            for problem in &keys.problems {
                self.problem(None, *problem);
            }
        }
        Ok(keys)
    }

    async fn credentials(&mut self, keys: super::scrub::ScrubKeys) -> Result<(), VaultError> {
        let mut from = Some(CredentialId(Uuid::nil()));
        while let Some(start) = from {
            let (scope, snapshot) = (self.caller.scope(), self.writing.snapshot);
            let page = snapshot.credentials(scope, start, CREDENTIALS).await?;
            from = after(page.last().map(|row| row.with_trail.id));
            let passed = page.len() as u64;
            for row in page {
                let org = self.caller.org();
                for problem in self.writing.vault.problems(org, &keys, &row.with_trail) {
                    self.problem(Some(row.with_trail.id), problem);
                }
                self.put(&Record::Credential(row.row))?;
            }
            self.writing.sink.passed(passed);
        }
        Ok(())
    }

    async fn missing(&mut self) -> Result<(), VaultError> {
        let mut from = Some(CredentialId(Uuid::nil()));
        while let Some(start) = from {
            let (scope, snapshot) = (self.caller.scope(), self.writing.snapshot);
            let page = snapshot.trailed(scope, start, ROWS).await?;
            from = after(page.last().map(|trailed| trailed.id));
            for trailed in page.iter().filter(|trailed| trailed.missing) {
                self.problem(Some(trailed.id), crate::scrub::Problem::Missing);
            }
        }
        Ok(())
    }

    async fn uses(&mut self) -> Result<(), VaultError> {
        let (scope, snapshot) = (self.caller.scope(), self.writing.snapshot);
        let mut last = Some(Uuid::nil());
        while let Some(after) = last {
            let page = snapshot.credential_uses(scope, after, ROWS).await?;
            last = page.last().map(|row| row.cred_id);
            for row in page {
                self.put(&Record::CredentialUse(row))?;
            }
        }
        let mut last = Some(Uuid::nil());
        while let Some(after) = last {
            let page = snapshot.key_uses(scope, after, ROWS).await?;
            last = page.last().map(|row| row.key_id);
            for row in page {
                self.put(&Record::KeyUse(row))?;
            }
        }
        Ok(())
    }

    // Each lane's checkpoint goes before its events: both come in the order of lanes.
    async fn trail(&mut self) -> Result<(), VaultError> {
        let (scope, vault) = (self.caller.scope(), self.writing.vault);
        let snapshot = self.writing.snapshot;
        let mut check = TrailCheck::new(&vault.chain, &vault.service.audit_signing, scope.org());
        let mut checkpoints = Checkpoints::default();
        let (mut place, mut named) = (None, Vec::new());
        loop {
            let page = snapshot.events(scope, place, ROWS).await?;
            for row in &page {
                let due = checkpoints
                    .until(snapshot, self.caller, Some(row.lane))
                    .await?;
                self.checkpoints(due, &mut check)?;
                let (findings, heads) = check.event(row);
                findings.iter().for_each(|finding| self.found(finding));
                named.extend(heads);
                self.put(&Record::Event(row.clone()))?;
            }
            if named.len() >= HEADS_AT_ONCE || page.is_empty() {
                self.look_up(std::mem::take(&mut named)).await?;
            }
            self.writing.sink.passed(page.len() as u64);
            let Some(last) = page.last() else { break };
            place = Some(EventPlace {
                at: StoredTime(last.at),
                lane: LaneId(last.lane),
                seq: last.seq,
            });
        }
        let rest = checkpoints.until(snapshot, self.caller, None).await?;
        self.checkpoints(rest, &mut check)?;
        if let Some(finding) = check.end() {
            self.found(&finding);
        }
        Ok(())
    }

    fn checkpoints(
        &mut self,
        rows: Vec<CheckpointRow>,
        check: &mut TrailCheck<'_>,
    ) -> Result<(), VaultError> {
        for row in rows {
            if let Some(finding) = check.checkpoint(&row) {
                self.found(&finding);
            }
            self.put(&Record::Checkpoint(row))?;
        }
        Ok(())
    }

    async fn look_up(&mut self, mut heads: Vec<LaneHead>) -> Result<(), VaultError> {
        heads.sort_unstable_by_key(|head| (head.lane, head.seq));
        heads.dedup();
        for some in heads.chunks(HEADS_AT_ONCE) {
            let (scope, snapshot) = (self.caller.scope(), self.writing.snapshot);
            for evidence in snapshot.head_evidence(scope, some).await? {
                if !self.is_excused(&evidence) {
                    let LaneHead { lane, seq, .. } = evidence.head;
                    self.found(&BackupFinding {
                        org: scope.org(),
                        credential: None,
                        code: "cut_lane",
                        message: format!(
                            "audit event {seq} of lane {lane} is gone or another one, but a later lane names it"
                        ),
                    });
                }
            }
        }
        Ok(())
    }

    fn is_excused(&self, evidence: &HeadEvidence) -> bool {
        let (head, org) = (evidence.head, self.caller.org());
        let key = Signer::new(&self.writing.vault.service.audit_signing).public_key();
        let genuine = |at: &&Checkpoint| at.is_genuine(&key, org);
        let pruned = evidence.checkpoint.as_ref().filter(genuine);
        let before =
            |at: &Checkpoint| at.seq > head.seq || (at.seq == head.seq && at.mac == head.mac);
        evidence.present || pruned.is_some_and(before)
    }
}

/// Checkpoints in the order of their lanes, read ahead by a page.
#[derive(Default)]
struct Checkpoints {
    page: std::collections::VecDeque<CheckpointRow>,
    last: Option<LaneId>,
    ended: bool,
}

impl Checkpoints {
    /// Those of the lanes up to `lane`, or all that are left.
    async fn until(
        &mut self,
        snapshot: &dyn Snapshot,
        caller: &Caller,
        lane: Option<Uuid>,
    ) -> Result<Vec<CheckpointRow>, VaultError> {
        let mut due = Vec::new();
        loop {
            while self
                .page
                .front()
                .is_some_and(|row| lane.is_none_or(|lane| row.lane <= lane))
            {
                due.extend(self.page.pop_front());
            }
            if !self.page.is_empty() || self.ended {
                return Ok(due);
            }
            let page = snapshot
                .checkpoints(caller.scope(), self.last, ROWS)
                .await?;
            self.ended = page.is_empty();
            self.last = page.last().map(|row| LaneId(row.lane));
            self.page = page.into();
        }
    }
}
