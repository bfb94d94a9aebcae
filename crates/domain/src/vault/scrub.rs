//! The integrity scrub, which compares stored rows with the audit trail.

use uuid::Uuid;

use crate::audit::kept::KeptHeads;
use crate::caller::Caller;
use crate::credential::SealedCredential;
use crate::error::VaultError;
use crate::history::{Current, StoredVersion};
use crate::ids::{CredentialId, OrgId};
use crate::ports::scrub::{RowWithTrail, ScrubObserver, Trailed, WriteRecord};
use crate::relay::stored::{StoredPolicy, TrailedPolicy};
use crate::scrub::{Finding, KeyProblem, Problem};
use crate::vault::Vault;
use crate::vault::history::History;
use crate::vault::scrub_keys::{ScrubKeys, retry_unavailable};

/// The number of rows per statement: at most 6.5 MB of sealed bytes, because a request's body has
/// at most 64 KiB.
const PAGE: i64 = 100;

impl Vault {
    /// The number of credentials of the caller's organization.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or an error of the store.
    pub async fn count_credentials(&self, caller: &Caller) -> Result<u64, VaultError> {
        caller.require_operator()?;
        Ok(self.store.count_credentials(caller.scope()).await?)
    }

    /// Opens every credential of the caller's organization, discards the plaintext, and compares
    /// each row with the audit trail. Reports differences to `observer`. Returns the number of
    /// findings.
    ///
    /// The scrub runs concurrently with other requests. It takes no locks, and holds one page of
    /// rows at a time. It reads every finding a second time before the report, so that a concurrent
    /// change causes no false alarm. It trusts the audit events, which [`Self::verify_with_trail`]
    /// verifies as well.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`] if the organization does not exist or is
    /// destroyed, or an error of the store that `observer` does not retry.
    pub async fn verify(
        &self,
        caller: &Caller,
        observer: &mut dyn ScrubObserver,
    ) -> Result<u64, VaultError> {
        caller.require_operator()?;
        // A deleted organization is checked. The rows of a destroyed one cannot open.
        let organization = self.store.organization(caller.scope()).await?;
        if organization.is_none_or(|organization| organization.destroyed_at.is_some()) {
            return Err(VaultError::NotFound);
        }
        Ok(self.verify_keys(caller, observer).await?
            + self.verify_api_keys(caller, observer).await?
            + self.scrub_rows(caller, observer).await?
            + self.verify_trail(caller, observer).await?)
    }

    /// Verifies the caller's organization as [`Self::verify`] does, or the root keys, if it is the
    /// installation; and then its audit trail, on which that relies.
    ///
    /// # Errors
    /// As for [`Self::verify`], after the trail was verified if the organization is destroyed.
    pub async fn verify_with_trail(
        &self,
        caller: &Caller,
        observer: &mut dyn ScrubObserver,
    ) -> Result<(), VaultError> {
        let rows = match caller.org() {
            OrgId::INSTALLATION => self.verify_root_keys(observer).await,
            _ => self.verify(caller, observer).await,
        };
        if rows
            .as_ref()
            .is_err_and(|error| !matches!(error, VaultError::NotFound))
        {
            return rows.map(drop);
        }
        let report = self
            .verify_audit(caller, &KeptHeads::default(), observer)
            .await?;
        self.counters.audit.verified.add(report.events);
        self.counters.audit.findings.add(report.found);
        observer.trail_verified(&report);
        rows.map(drop)
    }

    async fn scrub_rows(
        &self,
        caller: &Caller,
        observer: &mut dyn ScrubObserver,
    ) -> Result<u64, VaultError> {
        let mut keys = self.scrub_keys(caller, observer).await?;
        let mut from = Some(CredentialId(Uuid::nil()));
        let mut found = 0;
        while let Some(start) = from {
            let rows = self.row_page(caller, start, PAGE, observer).await?;
            from = after(rows.last().map(|row| row.id));
            for row in &rows {
                if row.row.as_ref().is_some_and(|row| !row.binds_label()) {
                    observer.label_unbound();
                }
                if self.problems(caller.org(), &keys, row).is_empty() {
                    continue;
                }
                // A key may be newer than the loaded ones, or the row was changed concurrently:
                // read both again.
                keys = self.scrub_keys(caller, observer).await?;
                let again = self.row_page(caller, row.id, 1, observer).await?;
                if let Some(row) = again.first().filter(|again| again.id == row.id) {
                    let problems = self.problems(caller.org(), &keys, row);
                    found += self.report(observer, caller.org(), Some(row.id), &problems);
                }
            }
            let checked = rows.len() as u64;
            self.counters.scrub_rows.add(checked);
            observer.checked(checked).await;
        }
        Ok(found)
    }

    async fn verify_trail(
        &self,
        caller: &Caller,
        observer: &mut dyn ScrubObserver,
    ) -> Result<u64, VaultError> {
        let mut from = Some(CredentialId(Uuid::nil()));
        let mut found = 0;
        while let Some(start) = from {
            let page = self.trail_page(caller, start, PAGE, observer).await?;
            from = after(page.last().map(|trailed| trailed.id));
            for trailed in page.iter().filter(|trailed| trailed.missing) {
                let again = self.trail_page(caller, trailed.id, 1, observer).await?;
                let still = |again: &&Trailed| again.id == trailed.id && again.missing;
                if again.first().filter(still).is_some() {
                    let problems = [Problem::Missing];
                    found += self.report(observer, caller.org(), Some(trailed.id), &problems);
                }
            }
            observer.checked(0).await;
        }
        Ok(found)
    }

    pub(in crate::vault) fn problems(
        &self,
        org: OrgId,
        keys: &ScrubKeys,
        found: &RowWithTrail,
    ) -> Vec<Problem> {
        let Some(row) = &found.row else {
            return vec![Problem::Malformed];
        };
        let history = self.history_problem(org, keys, row, found.versions.as_deref());
        let opened = match keys.rings.get(&row.key_generation) {
            None => Some(Problem::Key(KeyProblem::Missing(row.key_generation))),
            // The plaintext is wiped on drop.
            Some(ring) => ring.open(row).err().map(|_| Problem::DoesNotOpen),
        };
        let trailed = match found.written {
            _ if found.is_put_back(row) => Some(Problem::PutBack),
            _ if !found.is_deleted_as_recorded(row) => Some(Problem::DeletionAltered),
            None => Some(Problem::Unwritten(row.version)),
            Some(written) => self.compare(org, row, written),
        };
        let forked = found.forked.then_some(Problem::Forked);
        let found_policy = found.policy.as_ref();
        let found = opened.into_iter().chain(trailed).chain(forked);
        let policy = self.policy_problem(org, keys, row, found_policy);
        found.chain(history).chain(policy).collect()
    }

    fn policy_problem(
        &self,
        org: OrgId,
        keys: &ScrubKeys,
        row: &SealedCredential,
        policy: Option<&TrailedPolicy>,
    ) -> Option<Problem> {
        let opens = |policy: &StoredPolicy| {
            policy.sealed.as_ref().is_none_or(|sealed| {
                let ring = keys.rings.get(&sealed.key_generation);
                ring.is_some_and(|ring| ring.open_policy(row, policy.version, sealed).is_ok())
            })
        };
        let current = policy.map(|policy| policy.current(&self.chain, org, row.id));
        let is_whole = match current {
            Some(Ok(policy)) => policy.is_none_or(opens),
            Some(Err(_)) | None => false,
        };
        (!is_whole).then_some(Problem::PolicyAltered)
    }

    fn history_problem(
        &self,
        org: OrgId,
        keys: &ScrubKeys,
        row: &SealedCredential,
        versions: Option<&[StoredVersion]>,
    ) -> Option<Problem> {
        let altered = Some(Problem::HistoryAltered);
        let Some(versions) = versions else {
            return altered;
        };
        if versions.is_empty() && row.history.is_none() {
            return None;
        }
        let current = Current {
            row: row.clone(),
            versions: versions.to_vec(),
        };
        let opens = |version: &StoredVersion| {
            version.sealed().is_none_or(|sealed| {
                let ring = keys.rings.get(&sealed.key_generation);
                ring.is_some_and(|ring| ring.open_value(row, version).is_ok())
            })
        };
        let genuine = History::of(&self.chain, org, &current).is_ok();
        match genuine && versions.iter().all(opens) {
            true => None,
            false => altered,
        }
    }

    fn compare(&self, org: OrgId, row: &SealedCredential, written: WriteRecord) -> Option<Problem> {
        if row.version < written.version {
            return Some(Problem::RolledBack {
                stored: row.version,
                written: written.version,
            });
        }
        if row.version > written.version {
            return Some(Problem::Unwritten(row.version));
        }
        let same = written.digest == Some(self.chain.row_digest(org, row));
        (!same).then_some(Problem::Differs)
    }

    pub(super) fn report(
        &self,
        observer: &mut dyn ScrubObserver,
        org: OrgId,
        credential: Option<CredentialId>,
        problems: &[Problem],
    ) -> u64 {
        for problem in problems {
            observer.found(&Finding {
                org,
                credential,
                problem: *problem,
            });
        }
        let found = problems.len() as u64;
        self.counters.integrity_failures.add(found);
        found
    }

    async fn row_page(
        &self,
        caller: &Caller,
        from: CredentialId,
        limit: i64,
        observer: &mut dyn ScrubObserver,
    ) -> Result<Vec<RowWithTrail>, VaultError> {
        loop {
            let page = self.store.rows_with_trail(caller.scope(), from, limit);
            if let Some(page) = retry_unavailable(page.await, observer).await? {
                return Ok(page);
            }
        }
    }

    async fn trail_page(
        &self,
        caller: &Caller,
        from: CredentialId,
        limit: i64,
        observer: &mut dyn ScrubObserver,
    ) -> Result<Vec<Trailed>, VaultError> {
        loop {
            let page = self.store.trailed(caller.scope(), from, limit);
            if let Some(page) = retry_unavailable(page.await, observer).await? {
                return Ok(page);
            }
        }
    }
}

// The start of the page after `last`; `None` after the last page.
pub(in crate::vault) fn after(last: Option<CredentialId>) -> Option<CredentialId> {
    let next = last?.0.as_u128().checked_add(1)?;
    Some(CredentialId(Uuid::from_u128(next)))
}
