//! Verification of an audit trail.

use std::fmt;

use strongroom_crypto::{PublicKey, Signer};

use crate::audit::event::Action;
use crate::audit::heads::{LaneHead, decode_heads};
use crate::audit::signed::{Checkpoint, SignedHeads};
use crate::audit::stored::{EventPosition, StoredEvent, format_time};
use crate::audit::walk::{Fault, LaneWalk};
use crate::caller::{Caller, OrgScope, Permission};
use crate::error::{FieldError, VaultError};
use crate::ids::LaneId;
use crate::ports::audit::HeadEvidence;
use crate::ports::scrub::Pace;
use crate::vault::Vault;
use crate::vault::audit::PAGE;
use crate::vault::audit_acknowledge::acknowledged_loss;
use crate::vault::audit_report::{AcknowledgedLoss, AuditReport};

/// Named heads per lookup.
const HEADS_PER_LOOKUP: usize = 512;
/// The source of a named head.
#[derive(Debug, Clone)]
enum Witness {
    /// The first event of this lane.
    Lane(LaneId),
    /// Exported heads, signed at this time.
    Kept(String),
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lane(lane) => write!(f, "the first event of lane {lane} names it"),
            Self::Kept(at) => write!(f, "the heads signed at {at} name it"),
        }
    }
}

impl Vault {
    /// Verifies the audit trail of the caller's organization, and those of the exported heads
    /// `kept` that belong to it. Reads the trail page by page, at `pace`, concurrently with other
    /// requests.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`]; [`VaultError::Invalid`] on `heads` if one of these is forged; or
    /// an error of the store.
    pub async fn verify_audit(
        &self,
        caller: &Caller,
        kept: &[SignedHeads],
        pace: &mut dyn Pace,
    ) -> Result<AuditReport, VaultError> {
        caller.require(Permission::ReadAudit)?;
        let own = kept.iter().filter(|heads| heads.org == caller.org());
        let own: Vec<&SignedHeads> = own.collect();
        self.check_signatures(own.iter().copied())?;
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
        for heads in own {
            let witness = Witness::Kept(format_time(heads.at));
            for head in &heads.heads {
                verification.add_named_head(witness.clone(), *head).await?;
            }
        }
        verification.check_named_heads().await?;
        let acknowledged = verification.acknowledged;
        verification.report.acknowledge(acknowledged);
        Ok(verification.report)
    }

    /// Verifies that this vault signed all of `kept`.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] on `heads` names the organization of the first forged one.
    pub fn check_kept_heads(&self, kept: &[SignedHeads]) -> Result<(), VaultError> {
        self.check_signatures(kept.iter())
    }

    fn check_signatures<'a>(
        &self,
        kept: impl Iterator<Item = &'a SignedHeads>,
    ) -> Result<(), VaultError> {
        let key = self.audit_public_key();
        for heads in kept {
            heads.check(&key).map_err(|error| {
                let message = format!("names organization {}: it {error}", heads.org);
                VaultError::Invalid(vec![FieldError::new("heads", "forged", message)])
            })?;
        }
        Ok(())
    }

    fn audit_public_key(&self) -> PublicKey {
        Signer::new(&self.service.audit_signing).public_key()
    }
}

struct Verification<'a> {
    vault: &'a Vault,
    scope: OrgScope,
    key: PublicKey,
    walk: Option<LaneWalk<'a>>,
    /// Whether the organization's creation event is there, or a checkpoint for pruned events.
    has_beginning: bool,
    /// Named heads that have not been checked yet.
    named_heads: Vec<(Witness, LaneHead)>,
    /// Losses that genuine events acknowledge.
    acknowledged: Vec<AcknowledgedLoss>,
    report: AuditReport,
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
        self.has_beginning |= event.action == Action::OrganizationCreate.as_str();
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
                self.add_named_head(Witness::Lane(event.lane), head).await?;
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
        if self.has_beginning {
            return Ok(());
        }
        let is_empty = self.report.events == 0;
        if is_empty && self.vault.store.organization(self.scope).await?.is_none() {
            return Ok(());
        }
        let what = match is_empty {
            true => "the trail is empty: even the organization's creation event is missing",
            false => {
                "the organization's creation event is missing, and there is no checkpoint for \
                 pruned events: the start of the trail was removed"
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

    async fn add_named_head(&mut self, witness: Witness, head: LaneHead) -> Result<(), VaultError> {
        self.named_heads.push((witness, head));
        if self.named_heads.len() >= HEADS_PER_LOOKUP {
            self.check_named_heads().await?;
        }
        Ok(())
    }

    async fn check_named_heads(&mut self) -> Result<(), VaultError> {
        let named = std::mem::take(&mut self.named_heads);
        let heads: Vec<LaneHead> = named.iter().map(|(_, head)| *head).collect();
        let evidence = self.vault.store.head_evidence(self.scope, &heads).await?;
        for ((witness, _), evidence) in named.iter().zip(&evidence) {
            self.check_head(witness, evidence);
        }
        Ok(())
    }

    fn check_head(&mut self, witness: &Witness, evidence: &HeadEvidence) {
        let org = self.scope.org();
        let LaneHead { lane, seq, mac } = evidence.head;
        let genuine = |checkpoint: &&Checkpoint| checkpoint.is_genuine(&self.key, org);
        let pruned = evidence.checkpoint.as_ref().filter(genuine);
        let is_pruned = pruned.is_some_and(|at| at.seq > seq || (at.seq == seq && at.mac == mac));
        if evidence.present || is_pruned {
            return;
        }
        let what = match evidence.last {
            _ if evidence.numbered => {
                format!("is not the recorded event: {witness} with another digest")
            }
            Some(last) => format!("is gone: the lane ends with {last}, but {witness}"),
            None => format!("is missing with the whole lane, but {witness}"),
        };
        let kind = if evidence.numbered { "altered" } else { "cut" };
        self.report.add(lane, seq, kind, what);
    }
}
