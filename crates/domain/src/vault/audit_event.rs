//! One event of the audit trail, and whether it verifies now.

use futures_util::future::try_join;

use crate::audit::event::Action;
use crate::audit::proof::{EventProof, prove};
use crate::audit::stored::{EventPosition, StoredTime};
use crate::caller::{Caller, OrgScope};
use crate::error::VaultError;
use crate::ids::LaneId;
use crate::permission::Permission;
use crate::vault::Vault;

/// The maximum number of events that are read of one number: more than one are inserted ones.
const SAME_NUMBER: i64 = 10;

impl Vault {
    /// The events with the number `seq` in `lane` of the caller's organization, each with the
    /// digest that it continues and the result of its verification. There is more than one if
    /// events were inserted. The access is recorded before this returns.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`], or an error of the store.
    pub async fn audit_event(
        &self,
        caller: &Caller,
        lane: LaneId,
        seq: i64,
    ) -> Result<Vec<EventProof>, VaultError> {
        caller.require(Permission::AuditRead)?;
        let scope = caller.scope();
        let proofs = self.event_proofs(scope, lane, seq).await?;
        self.record_action(caller, Action::AuditList).await?;
        match proofs.is_empty() {
            true => Err(VaultError::NotFound),
            false => Ok(proofs),
        }
    }

    async fn event_proofs(
        &self,
        scope: OrgScope,
        lane: LaneId,
        seq: i64,
    ) -> Result<Vec<EventProof>, VaultError> {
        let before = |number: i64| EventPosition {
            at: StoredTime::MAX,
            lane,
            seq: number.saturating_sub(1),
        };
        // The two events before it, since the digest of the one before may be altered as well.
        let earlier = before(seq.saturating_sub(2));
        let (mut same, mut earlier) = try_join(
            self.store
                .audit_chain(scope, Some(before(seq)), SAME_NUMBER),
            self.store
                .audit_chain(scope, Some(earlier), 2 * SAME_NUMBER),
        )
        .await?;
        same.retain(|event| event.lane == lane && event.seq == seq);
        earlier.retain(|event| event.lane == lane && event.seq < seq);
        let checkpoint = match seq > 1 {
            true => self.store.checkpoint(scope, lane).await?,
            false => None,
        };
        let (key, org) = (self.audit_public_key(), scope.org());
        let checkpoint = checkpoint.filter(|checkpoint| checkpoint.is_genuine(&key, org));
        let proven = same
            .into_iter()
            .map(|event| prove(&self.chain, org, &earlier, checkpoint.as_ref(), event));
        Ok(proven.collect())
    }
}
