//! Verification of heads that lanes, and lines kept outside the database, name.

use crate::audit::heads::LaneHead;
use crate::audit::kept::KeptHeads;
use crate::audit::root::AuditRoot;
use crate::audit::signed::Checkpoint;
use crate::audit::stored::format_time;
use crate::error::VaultError;
use crate::ids::LaneId;
use crate::ports::audit::HeadEvidence;
use crate::vault::verification::{Verification, Witness};

/// Named heads per lookup.
const HEADS_PER_LOOKUP: usize = 512;
impl Verification<'_> {
    /// Adds the heads that `kept` names.
    pub(super) async fn kept(&mut self, kept: &KeptHeads) -> Result<(), VaultError> {
        let org = self.scope.org();
        for heads in kept.heads.iter().filter(|heads| heads.org == org) {
            let witness = Witness::Kept(format_time(heads.at));
            for head in &heads.heads {
                self.add_named_head(witness.clone(), *head).await?;
            }
        }
        for root in &kept.roots {
            self.root(root).await?;
        }
        Ok(())
    }

    async fn root(&mut self, root: &AuditRoot) -> Result<(), VaultError> {
        let found = self.vault.store.audit_leaf(self.scope, root.at).await?;
        let Some(leaf) = found else {
            return Ok(());
        };
        let at = format_time(root.at);
        let Some(heads) = root.heads_of(self.scope.org(), &leaf) else {
            let what = format!("the leaf under the root signed at {at} was altered or inserted");
            self.report.add(LaneId(uuid::Uuid::nil()), 1, "root", what);
            return Ok(());
        };
        self.report.leaves.push(root.at);
        for head in heads {
            let witness = Witness::Root(at.clone());
            self.add_named_head(witness, head).await?;
        }
        Ok(())
    }

    pub(super) async fn add_named_head(
        &mut self,
        witness: Witness,
        head: LaneHead,
    ) -> Result<(), VaultError> {
        self.named_heads.push((witness, head));
        if self.named_heads.len() >= HEADS_PER_LOOKUP {
            self.check_named_heads().await?;
        }
        Ok(())
    }

    pub(super) async fn check_named_heads(&mut self) -> Result<(), VaultError> {
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
