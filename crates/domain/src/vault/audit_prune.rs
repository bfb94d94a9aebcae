//! Pruning the audit trail.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;
use strongroom_crypto::Signer;
use uuid::Uuid;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::audit::kept::KeptHeads;
use crate::audit::report::AuditReport;
use crate::audit::signed::Checkpoint;
use crate::audit::stored::{AuditFilter, format_time};
use crate::caller::Caller;
use crate::error::{FieldError, VaultError};
use crate::ids::CredentialId;
use crate::ports::audit::{CheckpointFn, PruneMember, PrunePlan, Pruned, Unattested};
use crate::vault::Vault;
use crate::vault::audit::{AuditExport, PAGE};

/// The result of preparing the prune of one organization's events.
#[derive(Debug)]
pub struct PruneCheck {
    /// The verification report of its audit trail.
    pub report: AuditReport,
    /// The number of credentials whose digest or deletion was recorded again.
    pub attested: u64,
}

impl Vault {
    /// Plans a prune of events before `before`. Returns `None` if there is nothing to prune.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] on `before` if it is in the future, or an error of the store.
    pub async fn plan_audit_prune(
        &self,
        before: DateTime<Utc>,
    ) -> Result<Option<PrunePlan>, VaultError> {
        if before > self.now() {
            let error = FieldError::new("before", "future", "must not be in the future");
            return Err(VaultError::Invalid(vec![error]));
        }
        Ok(self.store.prune_plan(before).await?)
    }

    /// Verifies the audit trail of the caller's organization. If it has no faults, records again
    /// the digest and the deletion of every credential whose events would be pruned, and the state
    /// of the organization's keys. A checkpoint attests pruned events, and such an event attests a
    /// credential, so neither is created from data that does not verify. Repeating the call is
    /// harmless.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if a credential differs from its newest write event, or its
    /// deletion from the recorded one, or an error of the store.
    pub async fn prepare_audit_prune(
        &self,
        caller: &Caller,
        plan: &PrunePlan,
    ) -> Result<PruneCheck, VaultError> {
        caller.require_operator()?;
        let report = self
            .verify_audit(caller, &KeptHeads::default(), &mut ())
            .await?;
        let mut attested = 0;
        if report.found > 0 {
            return Ok(PruneCheck { report, attested });
        }
        let mut after = None;
        loop {
            let page = self
                .store
                .unattested(caller.scope(), plan.cut, after, PAGE)
                .await?;
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.row.id);
            let events = page
                .iter()
                .map(|credential| self.attestation(caller, credential))
                .collect::<Result<Vec<_>, _>>()?;
            attested += events.len() as u64;
            self.store.record_all(caller.scope(), events).await?;
        }
        attested += self.attest_deletions(caller, plan.cut).await?;
        self.attest_state(caller, plan.cut).await?;
        Ok(PruneCheck { report, attested })
    }

    // Records deletions again whose events the prune would remove: a restoration and a purge need
    // them.
    async fn attest_deletions(
        &self,
        caller: &Caller,
        cut: DateTime<Utc>,
    ) -> Result<u64, VaultError> {
        let mut attested = 0;
        let mut after = CredentialId(Uuid::nil());
        loop {
            let deleted = self
                .store
                .unattested_deletions(caller.scope(), cut, after, PAGE);
            let deleted = deleted.await?;
            let Some(last) = deleted.last() else {
                return Ok(attested);
            };
            after = last.id;
            let mut events = Vec::with_capacity(deleted.len());
            for row in &deleted {
                events.push(self.deletion_attestation(caller, row).await?);
            }
            attested += events.len() as u64;
            self.store.record_all(caller.scope(), events).await?;
        }
    }

    fn attestation(&self, caller: &Caller, credential: &Unattested) -> Result<Event, VaultError> {
        let row = &credential.row;
        let digest = self.chain.row_digest(caller.org(), row);
        let matches = |(version, recorded): &(i64, Vec<u8>)| {
            *version == row.version && recorded.as_slice() == digest
        };
        if !credential.recorded.as_ref().is_some_and(matches) {
            tracing::error!(
                org = %caller.org(),
                credential = %row.id,
                "the credential differs from its newest write event"
            );
            return Err(VaultError::Integrity(
                "a credential differs from its newest write event; `strongroom verify` names it",
            ));
        }
        let event = Event::by(caller, Action::CredentialAttest, self.now());
        Ok(event.about(row.id).of_write(row, digest))
    }

    /// Starts an export of all events of the caller's organization that `plan` may remove. The
    /// export is not recorded, because the prune is.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`].
    pub fn export_before_prune(
        &self,
        caller: &Caller,
        plan: &PrunePlan,
    ) -> Result<AuditExport, VaultError> {
        caller.require_operator()?;
        let filter = AuditFilter {
            until: Some(plan.cut),
            ..AuditFilter::default()
        };
        Ok(AuditExport::new(caller.scope(), filter))
    }

    /// Atomically writes signed checkpoints, records the prune for each of `callers`, and drops the
    /// partitions. `exported` is the number of events that were exported and are durable elsewhere.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] if events were added or removed since the export, or an error of
    /// the store. After an error nothing was changed, except possibly after
    /// [`VaultError::OutcomeUnknown`].
    pub async fn prune_audit(
        &self,
        callers: &[Caller],
        plan: &PrunePlan,
        exported: u64,
    ) -> Result<Pruned, VaultError> {
        let now = self.now();
        let details = Details::new([("before", json!(format_time(plan.cut)))]);
        let mut members = Vec::with_capacity(callers.len());
        for caller in callers {
            caller.require_operator()?;
            members.push(PruneMember {
                scope: caller.scope(),
                event: Event::by(caller, Action::AuditPrune, now).with_details(details.clone()),
            });
        }
        let signer = Signer::new(&self.service.audit_signing);
        let cut = plan.cut;
        let sign: CheckpointFn =
            Arc::new(move |org, last| Checkpoint::sign(&signer, org, last, cut));
        Ok(self
            .store
            .prune_audit(plan, members, exported, sign)
            .await?)
    }
}
