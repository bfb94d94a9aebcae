//! Verification of an audit trail.

use serde_json::json;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::audit::heads::decode_heads;
use crate::audit::kept::KeptHeads;
use crate::audit::report::AuditReport;
use crate::audit::signed::{Checkpoint, HeadsError};
use crate::audit::stored::{EventPosition, StoredEvent, format_time};
use crate::audit::walk::{Fault, LaneWalk};
use crate::caller::Caller;
use crate::error::{FieldError, VaultError};
use crate::ids::{LaneId, OrgId};
use crate::permission::Permission;
use crate::ports::scrub::Pace;
use crate::vault::Vault;
use crate::vault::audit::PAGE;
use crate::vault::audit_acknowledge::acknowledged_loss;
use crate::vault::verification::{Verification, Witness};

impl Vault {
    /// Verifies the audit trail of the caller's organization, and that it has what `kept` says of
    /// it. Reads the trail page by page, at `pace`, concurrently with other
    /// requests.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`]; [`VaultError::Invalid`] on `heads` if one of these is forged; or
    /// an error of the store.
    pub async fn verify_audit(
        &self,
        caller: &Caller,
        kept: &KeptHeads,
        pace: &mut dyn Pace,
    ) -> Result<AuditReport, VaultError> {
        caller.require(Permission::AuditRead)?;
        self.check_kept_heads(kept)?;
        let mut verification = Verification {
            vault: self,
            scope: caller.scope(),
            key: self.audit_public_key(),
            walk: None,
            has_beginning: false,
            named_heads: Vec::new(),
            acknowledged: Vec::new(),
            report: AuditReport::empty(caller.org()),
        };
        verification.events(pace).await?;
        verification.checkpoints().await?;
        verification.check_beginning().await?;
        verification.kept(kept).await?;
        verification.check_named_heads().await?;
        let acknowledged = verification.acknowledged;
        verification.report.acknowledge(acknowledged);
        Ok(verification.report)
    }

    /// Records that `caller` verifies the audit trail of its organization: it reads all of it.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or an error of the store.
    pub async fn record_audit_verification(&self, caller: &Caller) -> Result<(), VaultError> {
        caller.require(Permission::AuditRead)?;
        let details = Details::new([("purpose", json!("verification"))]);
        let event = Event::by(caller, Action::AuditList, self.now()).with_details(details);
        Ok(self.store.record(caller.scope(), event).await?)
    }

    /// Verifies that this vault signed all of `kept`.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] on `heads` names the organization or time of the first forged one.
    pub fn check_kept_heads(&self, kept: &KeptHeads) -> Result<(), VaultError> {
        let key = self.audit_public_key();
        let forged = |what: String, error: HeadsError| {
            let message = format!("names {what}: it {error}");
            VaultError::Invalid(vec![FieldError::new("heads", "forged", message)])
        };
        for heads in &kept.heads {
            let checked = heads.check(&key);
            checked.map_err(|error| forged(format!("organization {}", heads.org), error))?;
        }
        for root in &kept.roots {
            let at = format_time(root.at);
            let checked = root.check(&key);
            checked.map_err(|error| forged(format!("the root of {at}"), error))?;
        }
        Ok(())
    }
}

impl Verification<'_> {
    async fn events(&mut self, pace: &mut dyn Pace) -> Result<(), VaultError> {
        let mut after: Option<EventPosition> = None;
        loop {
            let page = self
                .vault
                .store
                .audit_chain(self.scope, after, PAGE)
                .await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.position());
            for event in &page {
                self.event(event).await?;
            }
            pace.page_verified().await;
        }
    }

    async fn event(&mut self, event: &StoredEvent) -> Result<(), VaultError> {
        let org = self.scope.org();
        let same_lane = self.walk.take().filter(|walk| walk.lane() == event.lane);
        self.report.events += 1;
        let beginning = [Action::OrganizationCreate, Action::InstallationCreate];
        self.has_beginning |= beginning.iter().any(|first| event.action == first.as_str());
        let mut walk = match same_lane {
            Some(walk) => walk,
            None => {
                self.report.lanes += 1;
                LaneWalk::new(&self.vault.chain, org, event.lane, None)
            }
        };
        // Missing events may have been pruned: at the start of the lane, or since the previous page
        // was read.
        if event.seq > walk.next()
            && let Some(checkpoint) = self.checkpoint(event.lane).await?
            && (walk.next()..=event.seq).contains(&(checkpoint.seq.saturating_add(1)))
        {
            walk = LaneWalk::new(&self.vault.chain, org, event.lane, Some(&checkpoint));
        }
        let faults = walk.step(event);
        self.walk = Some(walk);
        let genuine = faults.is_empty();
        for fault in faults {
            self.fault(event, &fault);
        }
        if genuine {
            self.acknowledged.extend(acknowledged_loss(event));
        }
        // The heads in an event that is not genuine are no evidence about other lanes.
        if let Some(heads) = event
            .heads
            .as_deref()
            .and_then(decode_heads)
            .filter(|_| genuine)
        {
            for head in heads {
                let witness = Witness::Event(event.lane, event.seq);
                self.add_named_head(witness, head).await?;
            }
        }
        Ok(())
    }

    fn fault(&mut self, event: &StoredEvent, fault: &Fault) {
        let seq = event.seq;
        let (range, kind, what) = match fault {
            Fault::Altered => (
                (seq, seq),
                "altered",
                "is not what was recorded here: it was edited, moved or inserted".to_owned(),
            ),
            Fault::Missing { from, to } => {
                let what = format!("events {from} to {to} are missing: they were removed");
                ((*from, *to), "missing", what)
            }
            Fault::Doubled => (
                (seq, seq),
                "doubled",
                "the number occurs more than once: an event was inserted".to_owned(),
            ),
        };
        self.report.add_range(event.lane, range, kind, what);
    }

    /// The lane's checkpoint, if there is a genuine one.
    async fn checkpoint(&self, lane: LaneId) -> Result<Option<Checkpoint>, VaultError> {
        let found = self.vault.store.checkpoint(self.scope, lane).await?;
        let org = self.scope.org();
        Ok(found.filter(|checkpoint| checkpoint.is_genuine(&self.key, org)))
    }

    // Every organization's trail begins with its creation, and pruning writes checkpoints. A lane
    // that goes on after all earlier events were removed would otherwise be intact.
    async fn check_beginning(&mut self) -> Result<(), VaultError> {
        let is_empty = self.report.events == 0;
        let begins = match self.scope.org() {
            OrgId::INSTALLATION => self.vault.has_installation_trail(),
            _ => !is_empty || self.vault.store.organization(self.scope).await?.is_some(),
        };
        if self.has_beginning || !begins {
            return Ok(());
        }
        let what = match is_empty {
            true => "the trail is empty: even its first event, the creation, is missing",
            false => {
                "the creation event is missing, and there is no checkpoint for pruned events: the \
                 start of the trail was removed"
            }
        };
        let no_lane = LaneId(uuid::Uuid::nil());
        self.report.add(no_lane, 1, "missing", what.to_owned());
        Ok(())
    }

    async fn checkpoints(&mut self) -> Result<(), VaultError> {
        let mut after = None;
        loop {
            let page = self
                .vault
                .store
                .checkpoints(self.scope, after, PAGE)
                .await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.lane);
            for checkpoint in &page {
                if checkpoint.is_genuine(&self.key, self.scope.org()) {
                    self.has_beginning = true;
                } else {
                    let what = "the checkpoint's signature is invalid: it was altered or inserted";
                    let (lane, seq) = (checkpoint.lane, checkpoint.seq);
                    self.report.add(lane, seq, "checkpoint", what.to_owned());
                }
            }
        }
    }
}
