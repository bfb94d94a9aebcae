//! Rotations of organizations' keys.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::try_join_all;
use serde_json::json;
use strongroom_crypto::RandomSource;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::caller::Caller;
use crate::error::VaultError;
use crate::history::SealedValue;
use crate::ids::CredentialId;
use crate::keyring::organization::OrgKeyring;
use crate::keyring::stored::Rewrapped;
use crate::permission::Permission;
use crate::ports::rotation::{DataKeyOf, RewrapFn, Wrapped};
use crate::rotation::{Rotation, RotationState};
use crate::vault::Vault;
use crate::vault::change::Change;
use crate::vault::content::{Content, ContentFn, ValueStep};

/// The maximum number of rows per step: few enough not to delay other requests, many enough to
/// share a transaction.
const STEP: i64 = 200;

/// The result of one step of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The number of processed rows, and the last of them, after which the next step continues.
    Rows(i64, CredentialId),
    /// No rows are left, and the rotation has ended.
    Finished,
    /// The number of remaining rows, which were locked or written concurrently or do not open. The
    /// next step starts at the beginning.
    Again(i64),
}

impl Vault {
    /// The number of rows that a rotation of the caller's organization would process.
    ///
    /// # Errors
    /// As for [`Self::start_rotation`].
    pub async fn count_for_rotation(&self, caller: &Caller) -> Result<i64, VaultError> {
        caller.require_operator()?;
        self.require_organization(caller).await?;
        // No generation has the number 0, so this counts all rows.
        Ok(self.store.count_behind(caller.scope(), 0).await?)
    }

    /// Waits until no transaction can write under a previous generation. Must be called before the
    /// first step, also of a resumed rotation.
    ///
    /// # Errors
    /// An error of the store; [`VaultError::Unavailable`] if the writers took too long, after which
    /// a retry may succeed.
    pub async fn await_writers(&self) -> Result<(), VaultError> {
        Ok(self.store.await_writers().await?)
    }

    /// Processes the next rows of `rotation` after `after`.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if a row does not open, or an error of the store. Completed rows
    /// stay completed.
    pub async fn rotation_step(
        &self,
        caller: &Caller,
        rotation: &Rotation,
        after: Option<CredentialId>,
    ) -> Result<Step, VaultError> {
        caller.require_operator()?;
        let (scope, generation) = (caller.scope(), rotation.generation);
        let limit = rotation
            .progress
            .throttle
            .map_or(STEP, |most| STEP.min(most.into()));
        let ids = self.store.behind(scope, generation, after, limit).await?;
        let Some(last) = ids.last().copied() else {
            let left = self.store.count_behind(scope, generation).await?;
            if left > 0 {
                return Ok(Step::Again(left));
            }
            self.store
                .finish_rotation(scope, generation, self.now())
                .await?;
            return Ok(Step::Finished);
        };
        if rotation.re_encrypt {
            self.reseal(caller, &ids).await?;
        }
        // A deleted credential is not changed: it gets a new data key when it is restored.
        self.rewrap(caller, &ids).await?;
        let rows = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        self.store
            .advance_rotation(scope, generation, rows, self.now())
            .await?;
        Ok(Step::Rows(rows, last))
    }

    async fn rewrap(&self, caller: &Caller, ids: &[CredentialId]) -> Result<(), VaultError> {
        let keys = self.reload_org_keys(caller.scope()).await?;
        let random = self.random.clone();
        let rewrap: RewrapFn = Arc::new(move |wrapped| rewrap_all(&keys, wrapped, &*random));
        let store = &self.store;
        let failed = store
            .rewrap_credentials(caller.scope(), ids, rewrap)
            .await?;
        // Every pass over the rows fails again.
        for id in failed {
            let error = VaultError::Integrity("a credential cannot be re-wrapped");
            self.log_integrity_failure(caller.org(), Some(id), &error);
        }
        Ok(())
    }

    async fn reseal(&self, caller: &Caller, ids: &[CredentialId]) -> Result<(), VaultError> {
        self.reload_org_keys(caller.scope()).await?;
        let same: ContentFn = Arc::new(|row, _, _| Ok(Content::of(row, ValueStep::Reseal)));
        let mut changes = Vec::with_capacity(ids.len());
        for id in ids {
            changes.push(self.reseal_one(caller, *id, same.clone()).boxed());
        }
        try_join_all(changes).await?;
        Ok(())
    }

    async fn reseal_one(
        &self,
        caller: &Caller,
        id: CredentialId,
        same: ContentFn,
    ) -> Result<(), VaultError> {
        let change = Change {
            id,
            event: Event::by(caller, Action::CredentialReseal, self.now()).about(id),
            operation: None,
            content: same,
            kept: None,
            restores: false,
        };
        match self.change(caller, change).await {
            // The row was deleted concurrently, or it does not open. The latter is recorded, and
            // must not stop the rotation of other rows.
            Ok(_) | Err(VaultError::NotFound | VaultError::Integrity(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Lists the rotations of the caller's organization, newest first.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or an error of the store.
    pub async fn rotations(&self, caller: &Caller) -> Result<Vec<Rotation>, VaultError> {
        caller.require(Permission::OrganizationsManage)?;
        let rotations = self.store.rotations(caller.scope()).await?;
        self.record_action(caller, Action::RotationList).await?;
        Ok(rotations)
    }

    /// Lists the rotations of all organizations, newest first; for the operator, and for servers
    /// that resume interrupted rotations.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn all_rotations(&self) -> Result<Vec<Rotation>, VaultError> {
        Ok(self.store.all_rotations().await?)
    }

    /// Takes over a rotation without progress since it was read. Returns whether it succeeded.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn claim_rotation(
        &self,
        caller: &Caller,
        rotation: &Rotation,
    ) -> Result<bool, VaultError> {
        caller.require_operator()?;
        let (generation, updated_at) = (rotation.generation, rotation.progress.updated_at);
        let claimed = self
            .store
            .claim_rotation(caller.scope(), generation, updated_at, self.now());
        Ok(claimed.await?)
    }

    /// Destroys an old generation of the caller's organization's key if no credential needs it.
    /// Otherwise, returns the number of credentials that need it.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] if there is no such generation, or it is active.
    pub async fn retire_generation(
        &self,
        caller: &Caller,
        generation: i32,
    ) -> Result<i64, VaultError> {
        caller.require_operator()?;
        let details = Details::new([("generation", json!(generation))]);
        let event = Event::by(caller, Action::OrganizationRetire, self.now());
        let event = event.with_details(details);
        let scope = caller.scope();
        Ok(self.store.retire_org_key(scope, generation, event).await?)
    }

    pub(super) async fn running_rotation(
        &self,
        caller: &Caller,
    ) -> Result<Option<Rotation>, VaultError> {
        let rotations = self.store.rotations(caller.scope()).await?;
        let running = |rotation: &Rotation| rotation.progress.state == RotationState::Running;
        Ok(rotations.into_iter().find(running))
    }
}

/// Re-wraps the data keys of a credential that are not under the active generation.
fn rewrap_all(
    keys: &OrgKeyring,
    wrapped: Wrapped<'_>,
    random: &dyn RandomSource,
) -> Result<Vec<(DataKeyOf, Rewrapped)>, VaultError> {
    let (id, mut rewrapped) = (wrapped.row.id, Vec::new());
    let is_behind = |sealed: &&SealedValue| sealed.key_generation != keys.active();
    if wrapped.row.key_generation != keys.active() {
        rewrapped.push((DataKeyOf::Current, keys.rewrap(wrapped.row, random)?));
    }
    for version in wrapped.versions {
        let number = version.value_version;
        if let Some(sealed) = version.sealed().filter(is_behind) {
            let new = keys.rewrap_value(id, number, sealed, random)?;
            rewrapped.push((DataKeyOf::Value(number), new));
        }
    }
    if let Some(policy) = wrapped.policy
        && let Some(sealed) = policy.sealed.as_ref().filter(is_behind)
    {
        let new = keys.rewrap_policy(id, policy.version, sealed, random)?;
        rewrapped.push((DataKeyOf::Policy, new));
    }
    Ok(rewrapped)
}
