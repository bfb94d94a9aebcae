//! Pruning the audit trail.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use strongroom_crypto::Signer;

use crate::audit::event::{Action, Event};
use crate::audit::signed::Checkpoint;
use crate::audit::stored::AuditFilter;
use crate::caller::{Caller, Permission};
use crate::error::{FieldError, VaultError};
use crate::ports::audit::{CheckpointFn, PruneMember, PrunePlan, Pruned, Unattested};
use crate::vault::Vault;
use crate::vault::audit::{AuditExport, PAGE};
use crate::vault::audit_report::AuditReport;

/// What was found and done for one organization before its events are pruned.
#[derive(Debug)]
pub struct PruneCheck {
    /// Its audit trail, verified.
    pub report: AuditReport,
    /// Credentials whose digest was recorded again.
    pub attested: u64,
}

impl Vault {
    /// What can be pruned of events before `before`; `None` when there is nothing.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] on `before` when it is in the future, or the store's failure.
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

    /// Verifies the caller's organization's trail and, when it is whole, records again the digest of every
    /// credential whose newest write event goes. A checkpoint vouches for what was pruned, and so does such an
    /// event for the credential: neither is made of what does not verify. Doing it twice is no error.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] when a credential is not what its newest write event says; or the store's
    /// failure.
    pub async fn prepare_audit_prune(
        &self,
        caller: &Caller,
        plan: &PrunePlan,
    ) -> Result<PruneCheck, VaultError> {
        caller.require(Permission::ManageOrganization)?;
        let report = self.verify_audit(caller, &[]).await?;
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
        Ok(PruneCheck { report, attested })
    }

    fn attestation(&self, caller: &Caller, credential: &Unattested) -> Result<Event, VaultError> {
        let row = &credential.row;
        let digest = self.chain.row_digest(caller.org(), row);
        let as_recorded = |(version, recorded): &(i64, Vec<u8>)| {
            *version == row.version && recorded.as_slice() == digest
        };
        if !credential.recorded.as_ref().is_some_and(as_recorded) {
            tracing::error!(org = %caller.org(), credential = %row.id, "not what its newest write event says");
            return Err(VaultError::Integrity(
                "a credential is not what its newest write event says; `strongroom verify` names it",
            ));
        }
        let event = Event::by(caller, Action::CredentialAttest, self.now());
        Ok(event.about(row.id).of_write(row.version, digest))
    }

    /// All events of the caller's organization that `plan` may remove. Not recorded: the prune is.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`].
    pub fn export_before_prune(
        &self,
        caller: &Caller,
        plan: &PrunePlan,
    ) -> Result<AuditExport, VaultError> {
        caller.require(Permission::ManageOrganization)?;
        let filter = AuditFilter {
            until: Some(plan.cut),
            ..AuditFilter::default()
        };
        Ok(AuditExport::new(caller.scope(), filter))
    }

    /// Prunes: leaves signed checkpoints, records the prune for each of `callers`, and drops the partitions, all
    /// or nothing. `exported` is the number of events that were exported and are durable elsewhere.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] when events came or went since the export; or the store's failure, after
    /// which nothing was done ([`VaultError::OutcomeUnknown`] apart).
    pub async fn prune_audit(
        &self,
        callers: &[Caller],
        plan: &PrunePlan,
        exported: u64,
    ) -> Result<Pruned, VaultError> {
        let now = self.now();
        let mut members = Vec::with_capacity(callers.len());
        for caller in callers {
            caller.require(Permission::ManageOrganization)?;
            members.push(PruneMember {
                scope: caller.scope(),
                event: Event::by(caller, Action::AuditPrune, now),
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
