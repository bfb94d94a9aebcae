//! Copying one organization into a backup.

use strongroom_crypto::Signer;
use uuid::Uuid;

use crate::audit::heads::LaneHead;
use crate::audit::signed::Checkpoint;
use crate::audit::stored::{EventPosition, StoredTime};
use crate::backup::check::TrailCheck;
use crate::backup::finding::BackupFinding;
use crate::backup::record::{CheckpointRow, OrgKeyRow, OrganizationEnd, OrganizationRow, Record};
use crate::caller::{Caller, RequestInfo};
use crate::error::VaultError;
use crate::ids::{CredentialId, LaneId, OrgId};
use crate::keyring::stored::StoredOrgKey;
use crate::ports::audit::HeadEvidence;
use crate::scrub::Problem;
use crate::vault::backup::checkpoints::Checkpoints;
use crate::vault::backup::writer::BackupWriter;
use crate::vault::scrub::after;
use crate::vault::scrub_keys::ScrubKeys;

/// The number of credentials per statement: at most 6.5 MB of sealed bytes.
const CREDENTIALS: i64 = 100;
/// The number of other rows per statement.
const ROWS: i64 = 1000;
/// The number of named heads per lookup.
const HEADS_PER_LOOKUP: usize = 512;

impl BackupWriter<'_> {
    /// Copies one organization: its row, all rows that belong to it, and its end.
    pub(super) async fn organization(
        &mut self,
        row: &OrganizationRow,
        request: &RequestInfo,
    ) -> Result<(), VaultError> {
        let caller = Caller::operator(OrgId(row.org_id), request.clone());
        let scope = caller.scope();
        self.snapshot.enter(scope).await?;
        self.put(&Record::Organization(row.clone()))?;
        let copy = OrganizationCopy::new(&caller, self);
        let counts = copy.copy(row.destroyed_at.is_some()).await?;
        self.findings += counts.findings;
        self.put(&Record::OrganizationEnd(counts))
    }
}

/// The copy of one organization.
pub(super) struct OrganizationCopy<'a, 'b> {
    pub(super) caller: &'a Caller,
    pub(super) counts: OrganizationEnd,
    pub(super) writer: &'a mut BackupWriter<'b>,
}

impl<'a, 'b> OrganizationCopy<'a, 'b> {
    pub(super) fn new(caller: &'a Caller, writer: &'a mut BackupWriter<'b>) -> Self {
        Self {
            caller,
            counts: OrganizationEnd::of(caller.org()),
            writer,
        }
    }

    /// Copies all rows except that of the organization. Returns their counts.
    pub(super) async fn copy(mut self, destroyed: bool) -> Result<OrganizationEnd, VaultError> {
        let scope = self.caller.scope();
        let keys = self.keys(destroyed).await?;
        for row in self.writer.snapshot.ancestors(scope).await? {
            self.put(&Record::Ancestor(row))?;
        }
        for row in self.writer.snapshot.api_keys(scope).await? {
            self.put(&Record::ApiKey(row))?;
        }
        for row in self.writer.snapshot.oauth_clients(scope).await? {
            self.put(&Record::OauthClient(row))?;
        }
        for row in self.writer.snapshot.rotations(scope).await? {
            self.put(&Record::Rotation(row))?;
        }
        self.credentials(keys).await?;
        if !destroyed {
            self.missing_rows().await?;
        }
        self.last_used_times().await?;
        self.trail().await?;
        self.audit_leaves().await?;
        Ok(self.counts)
    }

    pub(super) fn put(&mut self, record: &Record) -> Result<(), VaultError> {
        self.counts.count(record);
        self.writer.put(record)
    }

    fn found(&mut self, finding: &BackupFinding) {
        self.counts.findings += 1;
        self.writer.sink.found(finding);
    }

    fn problem(&mut self, credential: Option<CredentialId>, problem: Problem) {
        self.found(&BackupFinding {
            org: self.caller.org(),
            credential,
            code: problem.code(),
            message: problem.to_string(),
        });
    }

    async fn keys(&mut self, destroyed: bool) -> Result<ScrubKeys, VaultError> {
        let scope = self.caller.scope();
        let rows = self.writer.snapshot.org_keys(scope).await?;
        let stored: Vec<StoredOrgKey> = rows.iter().map(OrgKeyRow::stored).collect();
        for row in rows {
            self.put(&Record::OrgKey(row))?;
        }
        let keys = self
            .writer
            .vault
            .opened_keys(self.caller.org(), stored)
            .await?;
        // A destroyed organization is expected to have no keys.
        if !destroyed {
            for problem in &keys.problems {
                self.problem(None, Problem::Key(*problem));
            }
        }
        Ok(keys)
    }

    async fn credentials(&mut self, keys: ScrubKeys) -> Result<(), VaultError> {
        let mut from = Some(CredentialId(Uuid::nil()));
        while let Some(start) = from {
            let (scope, snapshot) = (self.caller.scope(), self.writer.snapshot);
            let page = snapshot.credentials(scope, start, CREDENTIALS).await?;
            from = after(page.last().map(|row| row.with_trail.id));
            let passed = page.len() as u64;
            for row in page {
                let org = self.caller.org();
                for problem in self.writer.vault.problems(org, &keys, &row.with_trail) {
                    self.problem(Some(row.with_trail.id), problem);
                }
                self.put(&Record::Credential(row.row))?;
            }
            self.writer.sink.passed(passed);
        }
        Ok(())
    }

    async fn missing_rows(&mut self) -> Result<(), VaultError> {
        let mut from = Some(CredentialId(Uuid::nil()));
        while let Some(start) = from {
            let (scope, snapshot) = (self.caller.scope(), self.writer.snapshot);
            let page = snapshot.trailed(scope, start, ROWS).await?;
            from = after(page.last().map(|trailed| trailed.id));
            for trailed in page.iter().filter(|trailed| trailed.missing) {
                self.problem(Some(trailed.id), Problem::Missing);
            }
        }
        Ok(())
    }

    async fn last_used_times(&mut self) -> Result<(), VaultError> {
        let (scope, snapshot) = (self.caller.scope(), self.writer.snapshot);
        let mut last = Some(Uuid::nil());
        while let Some(after) = last {
            let page = snapshot.credentials_last_used(scope, after, ROWS).await?;
            last = page.last().map(|row| row.cred_id);
            for row in page {
                self.put(&Record::CredentialUse(row))?;
            }
        }
        let mut last = Some(Uuid::nil());
        while let Some(after) = last {
            let page = snapshot.keys_last_used(scope, after, ROWS).await?;
            last = page.last().map(|row| row.key_id);
            for row in page {
                self.put(&Record::KeyUse(row))?;
            }
        }
        Ok(())
    }

    // The checkpoint of each lane precedes its events. Both are ordered by lane.
    pub(super) async fn trail(&mut self) -> Result<(), VaultError> {
        let (scope, vault) = (self.caller.scope(), self.writer.vault);
        let snapshot = self.writer.snapshot;
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
            if named.len() >= HEADS_PER_LOOKUP || page.is_empty() {
                self.check_heads(std::mem::take(&mut named)).await?;
            }
            self.writer.sink.passed(page.len() as u64);
            let Some(last) = page.last() else { break };
            place = Some(EventPosition {
                at: StoredTime(last.at),
                lane: LaneId(last.lane),
                seq: last.seq,
            });
        }
        let rest = checkpoints.until(snapshot, self.caller, None).await?;
        self.checkpoints(rest, &mut check)?;
        // Before record format 3, the installation has no trail.
        let is_expected = scope.org() != OrgId::INSTALLATION || vault.has_installation_trail();
        if let Some(finding) = check.end().filter(|_| is_expected) {
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

    async fn check_heads(&mut self, mut heads: Vec<LaneHead>) -> Result<(), VaultError> {
        heads.sort_unstable_by_key(|head| (head.lane, head.seq));
        heads.dedup();
        for chunk in heads.chunks(HEADS_PER_LOOKUP) {
            let (scope, snapshot) = (self.caller.scope(), self.writer.snapshot);
            for evidence in snapshot.head_evidence(scope, chunk).await? {
                if !self.is_present_or_pruned(&evidence) {
                    let LaneHead { lane, seq, .. } = evidence.head;
                    self.found(&BackupFinding {
                        org: scope.org(),
                        credential: None,
                        code: "cut_lane",
                        message: format!(
                            "audit event {seq} of lane {lane} is missing or was replaced, but a \
                             later lane names it"
                        ),
                    });
                }
            }
        }
        Ok(())
    }

    fn is_present_or_pruned(&self, evidence: &HeadEvidence) -> bool {
        let (head, org) = (evidence.head, self.caller.org());
        let key = Signer::new(&self.writer.vault.service.audit_signing).public_key();
        let genuine = |at: &&Checkpoint| at.is_genuine(&key, org);
        let pruned = evidence.checkpoint.as_ref().filter(genuine);
        let before =
            |at: &Checkpoint| at.seq > head.seq || (at.seq == head.seq && at.mac == head.mac);
        evidence.present || pruned.is_some_and(before)
    }
}
