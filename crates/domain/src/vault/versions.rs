//! Writes of the values of a credential besides the current one: staging, promoting and destroying.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::audit::event::{Action, Event};
use crate::caller::Caller;
use crate::credential::CredentialChange;
use crate::entity_tag::{Condition, EntityTag};
use crate::error::VaultError;
use crate::ids::CredentialId;
use crate::permission::Permission;
use crate::record_format::VALUES;
use crate::replication::Level;
use crate::vault::Vault;
use crate::vault::change::Change;
use crate::vault::content::{Content, ContentFn, ValueStep};
use crate::vault::replication::PendingReplication;

/// The maximum number of credentials of one organization whose former values one step removes.
const STEP: i64 = 200;

/// A change of the values of a credential.
#[derive(Debug, Clone)]
pub struct VersionWrite {
    /// The credential.
    pub id: CredentialId,
    /// The value.
    pub value_version: i64,
    /// The versions of the credential to which it applies; `None` for any.
    pub if_match: Option<Condition>,
}

/// What a change of a credential's values left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StagedValue {
    /// The entity tag of the credential.
    pub etag: Option<EntityTag>,
    /// The version of the value that was staged.
    pub value_version: i64,
}

impl Vault {
    /// Stores the secret of `change` as the pending value, and leaves the current one alone.
    ///
    /// # Errors
    /// As for [`Self::update_credential`]; [`VaultError::Conflict`] if a value is pending, or the
    /// organization keeps no former values.
    pub async fn stage_credential(
        &self,
        caller: &Caller,
        id: CredentialId,
        change: CredentialChange,
        level: Level,
    ) -> Result<PendingReplication<StagedValue>, VaultError> {
        caller.require(Permission::CredentialsWrite)?;
        self.require_record_format(VALUES)?;
        let staged = Arc::new(Mutex::new(0));
        let (result, content) = (staged.clone(), self.content_of(caller, change));
        let content: ContentFn = Arc::new(move |row, opened, history| {
            *result.lock() = history.next_version(row.value_version);
            Ok(Content {
                step: ValueStep::Stage,
                ..content(row, opened, history)?
            })
        });
        let write = self.change_values(caller, id, content, level);
        let changed = write.await?;
        let value_version = *staged.lock();
        Ok(changed.map(|etag| StagedValue {
            etag,
            value_version,
        }))
    }

    /// Makes a value the current one, and the current one the previous one.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`], [`VaultError::NoSuchVersion`],
    /// [`VaultError::PreconditionFailed`], [`VaultError::Conflict`] if it is the current one,
    /// [`VaultError::Integrity`], or an error of the store.
    pub async fn promote_version(
        &self,
        caller: &Caller,
        write: VersionWrite,
        level: Level,
    ) -> Result<PendingReplication<Option<EntityTag>>, VaultError> {
        let step = ValueStep::Promote(write.value_version);
        self.write_version(caller, write, step, level).await
    }

    /// Destroys a value that is not the current one: nothing of it is left but its number. With
    /// `adopted`, only if every reader has read the current one.
    ///
    /// # Errors
    /// As for [`Self::promote_version`]; [`VaultError::StillRead`] if a reader has not.
    pub async fn destroy_version(
        &self,
        caller: &Caller,
        write: VersionWrite,
        adopted: bool,
        level: Level,
    ) -> Result<PendingReplication<Option<EntityTag>>, VaultError> {
        if adopted {
            let readers = self.adopted(caller, write.id).await?.readers;
            let behind = readers.into_iter().filter(|reader| reader.behind);
            let behind: Vec<_> = behind.map(|reader| reader.actor).collect();
            if !behind.is_empty() {
                return Err(VaultError::StillRead(behind));
            }
        }
        let step = ValueStep::Destroy(write.value_version);
        self.write_version(caller, write, step, level).await
    }

    async fn write_version(
        &self,
        caller: &Caller,
        write: VersionWrite,
        step: ValueStep,
        level: Level,
    ) -> Result<PendingReplication<Option<EntityTag>>, VaultError> {
        caller.require(Permission::CredentialsWrite)?;
        self.require_record_format(VALUES)?;
        let (org, chain) = (caller.org(), self.chain.clone());
        let if_match = write.if_match;
        let content: ContentFn = Arc::new(move |row, _, _| {
            let matches = |condition: &Condition| condition.matches(chain.entity_tag(org, row));
            match if_match.as_ref().is_none_or(matches) {
                true => Ok(Content::of(row, step)),
                false => Err(VaultError::PreconditionFailed),
            }
        });
        self.change_values(caller, write.id, content, level).await
    }

    async fn change_values(
        &self,
        caller: &Caller,
        id: CredentialId,
        content: ContentFn,
        level: Level,
    ) -> Result<PendingReplication<Option<EntityTag>>, VaultError> {
        let operation = self.track(caller, level, None)?.operation;
        let change = Change {
            id,
            event: Event::by(caller, Action::CredentialUpdate, self.now()).about(id),
            operation,
            content,
            kept: self.versions_kept(caller, true).await?,
            restores: false,
        };
        let changed = self.change(caller, change).await?;
        Ok(self.pending_replication(changed.etag, level, operation, changed))
    }

    /// Removes former values beyond those that the caller's organization keeps, of at most 200
    /// credentials after `after`. Returns the number of changed credentials, and the one after
    /// which the next step continues, if there is one.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or an error of the store. What was removed stays removed.
    pub async fn prune_step(
        &self,
        caller: &Caller,
        after: CredentialId,
    ) -> Result<(u64, Option<CredentialId>), VaultError> {
        caller.require_operator()?;
        let Some(kept) = self.versions_kept(caller, true).await? else {
            return Ok((0, None));
        };
        let beyond = self
            .store
            .versions_beyond(caller.scope(), kept, after, STEP);
        let beyond = beyond.await?;
        let mut pruned = 0;
        for id in &beyond {
            match self.prune_versions(caller, *id, kept).await {
                Ok(()) => pruned += 1,
                Err(VaultError::NotFound | VaultError::NoSuchVersion) => {}
                Err(error @ VaultError::Integrity(_)) => {
                    self.log_integrity_failure(caller.org(), Some(*id), &error);
                }
                Err(error) => return Err(error),
            }
        }
        let is_full = i64::try_from(beyond.len()).is_ok_and(|beyond| beyond == STEP);
        Ok((pruned, beyond.last().copied().filter(|_| is_full)))
    }

    // The content stays, so that this is no use of the credential and no change by a caller.
    async fn prune_versions(
        &self,
        caller: &Caller,
        id: CredentialId,
        kept: i64,
    ) -> Result<(), VaultError> {
        let at = self.now();
        let content: ContentFn = Arc::new(move |row, _, history| {
            let mut pruned = history.clone();
            pruned.prune(kept, row.value_version, at);
            match pruned.versions() != history.versions() {
                true => Ok(Content::of(row, ValueStep::Prune)),
                false => Err(VaultError::NoSuchVersion),
            }
        });
        let change = Change {
            id,
            event: Event::by(caller, Action::CredentialReseal, at).about(id),
            operation: None,
            content,
            kept: Some(kept),
            restores: false,
        };
        self.change(caller, change).await.map(drop)
    }
}
