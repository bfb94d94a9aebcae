//! Deletion of credentials, their restoration, and the purge of what is past its window.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::caller::Caller;
use crate::credential::Removal;
use crate::entity_tag::{Condition, EntityTag};
use crate::error::VaultError;
use crate::ids::CredentialId;
use crate::permission::Permission;
use crate::ports::error::StoreError;
use crate::ports::lifecycle::PurgePlace;
use crate::ports::store::{Committed, DeleteFn};
use crate::replication::{Level, OperationId};
use crate::vault::Vault;
use crate::vault::change::Change;
use crate::vault::content::{Content, ContentFn, ValueStep};
use crate::vault::recorded_deletion::{NOT_RECORDED, window};
use crate::vault::replication::PendingReplication;

/// The maximum number of credentials of one organization that one step purges.
const STEP: i64 = 200;

/// The deletion of a credential.
#[derive(Debug, Clone, Default)]
pub struct DeleteRequest {
    /// The versions to which it applies; `None` for any.
    pub if_match: Option<Condition>,
    /// Whether it is final at once.
    pub purge: bool,
}

impl Vault {
    /// Deletes a credential. One that is missing, or that the caller does not reach, is not an
    /// error, unless `if_match` names versions.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::PreconditionFailed`], or an error of the store.
    pub async fn delete_credential(
        &self,
        caller: &Caller,
        id: CredentialId,
        request: DeleteRequest,
        level: Level,
    ) -> Result<PendingReplication<()>, VaultError> {
        caller.require(Permission::CredentialsDelete)?;
        let event = Event::by(caller, Action::CredentialDelete, self.now()).about(id);
        let (removal, event) = self.removal(caller, request.purge, event).await?;
        let operation = self.track(caller, level, None)?.operation;
        let scope = caller.scope();
        let admit = self.admitted_deletion(caller, request.if_match);
        let deleted = self
            .store
            .delete_credential(scope, id, (removal, admit), operation, event)
            .await?;
        self.forget_rows(caller, id);
        Ok(self.pending_replication((), level, operation, deleted))
    }

    /// What a deletion by `caller` leaves, and its event.
    pub(super) async fn removal(
        &self,
        caller: &Caller,
        purge: bool,
        event: Event,
    ) -> Result<(Removal, Event), VaultError> {
        if purge {
            return Ok((Removal::Purge, event));
        }
        let days = self.settings_of(caller.scope()).await?.recovery_days;
        if days == 0 {
            return Ok((Removal::AtOnce, event));
        }
        let until = event.at + TimeDelta::days(days);
        let event = event.with_details(window(until));
        Ok((Removal::Until(until), event))
    }

    /// Admits the deletion of a row that `caller` reaches, if it is of a version in `if_match`.
    pub(super) fn admitted_deletion(
        &self,
        caller: &Caller,
        if_match: Option<Condition>,
    ) -> DeleteFn {
        let (caller, chain) = (caller.clone(), self.chain.clone());
        let unconditional = if_match.is_none() && caller.reach().is_none();
        Arc::new(move |row| {
            let row = match row {
                Err(StoreError::Malformed(_)) if unconditional => return Ok(()),
                row => row?.filter(|row| caller.reaches(row)),
            };
            let matches = |condition: &Condition| {
                let tag = |row| chain.entity_tag(caller.org(), row);
                row.as_ref().is_some_and(|row| condition.matches(tag(row)))
            };
            match (&if_match, &row) {
                (Some(condition), _) if !matches(condition) => {
                    let error = VaultError::PreconditionFailed;
                    Err(StoreError::Refused(Box::new(error)))
                }
                (_, Some(_)) => Ok(()),
                (_, None) => Err(StoreError::NotFound),
            }
        })
    }

    /// Deletes all credentials of the caller's organization that the caller reaches, in one
    /// transaction; with `purge`, also those that were deleted before and can be restored.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or an error of the store.
    pub async fn delete_all_credentials(
        &self,
        caller: &Caller,
        purge: bool,
        level: Level,
    ) -> Result<PendingReplication<()>, VaultError> {
        caller.require(Permission::CredentialsDelete)?;
        let now = self.now();
        let event = Event::by(caller, Action::CredentialDeleteAll, now);
        let each = Event::by(caller, Action::CredentialDelete, now);
        let (removal, each) = self.removal(caller, purge, each).await?;
        let operation = self.track(caller, level, None)?.operation;
        let reach = (removal, caller.reach().cloned());
        let deleted =
            self.store
                .delete_all_credentials(caller.scope(), reach, operation, event, each);
        Ok(self.pending_replication((), level, operation, deleted.await?))
    }

    /// Restores a deleted credential, as a new version of its row. Returns its entity tag.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`] if no such credential is deleted or its
    /// window has ended, [`VaultError::Conflict`] if its user of the Pieces API has another one,
    /// [`VaultError::Integrity`] if the deletion is not the one in the audit trail.
    pub async fn restore_credential(
        &self,
        caller: &Caller,
        id: CredentialId,
        level: Level,
    ) -> Result<PendingReplication<Option<EntityTag>>, VaultError> {
        caller.require(Permission::CredentialsWrite)?;
        let operation = self.track(caller, level, None)?.operation;
        let restored = self.restore_deleted(caller, id, operation).await?;
        Ok(self.pending_replication(restored.etag, level, operation, restored))
    }

    /// Restores a deleted credential, whatever the caller may do.
    ///
    /// # Errors
    /// Those of [`Self::restore_credential`], but [`VaultError::Forbidden`].
    pub(super) async fn restore_deleted(
        &self,
        caller: &Caller,
        id: CredentialId,
        operation: Option<OperationId>,
    ) -> Result<Committed, VaultError> {
        let details = Details::new([("restored", json!(true))]);
        let event = Event::by(caller, Action::CredentialUpdate, self.now());
        let event = event.about(id).with_details(details);
        let recorded = self.recorded_deletion(caller.scope(), id).await;
        let recorded = match recorded {
            Ok(recorded) => recorded,
            Err(error) => return Err(self.failed(caller, event, error).await),
        };
        let now = event.at;
        let content: ContentFn = Arc::new(move |row, _, _| {
            let deletion = row.deletion.ok_or(VaultError::NotFound)?;
            let recorded = recorded.as_ref();
            let genuine = recorded.is_some_and(|recorded| recorded.is_of(row, deletion));
            if !genuine {
                return Err(NOT_RECORDED);
            }
            match deletion.recover_until <= now {
                true => Err(VaultError::NotFound),
                false => Ok(Content::of(row, ValueStep::Reseal)),
            }
        });
        let change = Change {
            id,
            event,
            operation,
            content,
            kept: None,
            restores: true,
        };
        self.change(caller, change).await
    }

    /// Purges credentials of the caller's organization whose window has ended, after a place in the
    /// order of these ends. Returns their number, and where the next step continues, if more may be
    /// left.
    ///
    /// # Errors
    /// An error of the store. Completed purges stay completed.
    pub async fn purge_step(
        &self,
        caller: &Caller,
        after: Option<PurgePlace>,
    ) -> Result<(u64, Option<PurgePlace>), VaultError> {
        caller.require_operator()?;
        let now = self.now();
        let due = self
            .store
            .purge_due(caller.scope(), now, after, STEP)
            .await?;
        let mut purged = 0;
        for (_, id) in &due {
            match self.purge(caller, *id, now).await {
                Ok(()) => purged += 1,
                Err(error @ (VaultError::Unavailable(_) | VaultError::OutcomeUnknown(_))) => {
                    return Err(error);
                }
                // One that cannot be purged must not keep the others from it.
                Err(error) => self.log_integrity_failure(caller.org(), Some(*id), &error),
            }
        }
        let is_full = i64::try_from(due.len()).is_ok_and(|due| due == STEP);
        Ok((purged, due.last().copied().filter(|_| is_full)))
    }

    // The event of the deletion, not the row, says when the window ends: the servers' database
    // role can change the row, and must not be able to purge early.
    async fn purge(
        &self,
        caller: &Caller,
        id: CredentialId,
        now: DateTime<Utc>,
    ) -> Result<(), VaultError> {
        let recorded = self.recorded_deletion(caller.scope(), id).await?;
        let recorded = recorded.ok_or(NOT_RECORDED)?;
        let details = Details::new([("purged", json!(true))]);
        let event = Event::by(caller, Action::CredentialDelete, now);
        let event = event.about(id).with_details(details);
        let admit: DeleteFn = Arc::new(move |row| {
            let row = row?.ok_or(StoreError::NotFound)?;
            let deletion = row.deletion.ok_or(StoreError::NotFound)?;
            match recorded.is_of(&row, deletion) && deletion.recover_until <= now {
                true => Ok(()),
                false => Err(StoreError::Refused(Box::new(NOT_RECORDED))),
            }
        });
        let scope = caller.scope();
        let purged = (Removal::Purge, admit);
        let purged = self.store.delete_credential(scope, id, purged, None, event);
        purged.await?;
        Ok(())
    }
}
