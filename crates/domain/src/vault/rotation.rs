//! The steps of a rotation of an organization's key.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::try_join_all;

use crate::audit::event::{Action, Event};
use crate::caller::{Caller, Permission};
use crate::error::VaultError;
use crate::ids::CredentialId;
use crate::ports::error::StoreError;
use crate::ports::rotation::RewrapFn;
use crate::rotation::{Rotation, RotationStart, RotationState};
use crate::vault::Vault;
use crate::vault::change::{Content, ContentFn};

/// Most rows of one step: few enough that nobody waits for it, many enough to share a transaction.
const STEP: i64 = 200;

/// What one step of a rotation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many rows, the last of them this one; go on after it.
    Rows(i64, CredentialId),
    /// Nothing is left; the rotation has ended.
    Finished,
    /// So many rows are left: others held or wrote them meanwhile, or they do not open. Begin again.
    Again(i64),
}

impl Vault {
    /// Begins a rotation of the caller's organization to a new generation of its key; one that is under way
    /// already is returned instead.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`] when there is no such organization, or the store's
    /// failure.
    pub async fn start_rotation(
        &self,
        caller: &Caller,
        re_encrypt: bool,
        throttle: Option<i32>,
    ) -> Result<Rotation, VaultError> {
        caller.require(Permission::ManageOrganization)?;
        self.require_organization(caller).await?;
        let scope = caller.scope();
        if let Some(running) = self.running_rotation(caller).await? {
            return Ok(running);
        }
        let current = self.reload_org_keys(scope).await?.active();
        let key = self
            .root()
            .new_org_key(caller.org(), current + 1, &*self.random)?;
        let start = RotationStart {
            re_encrypt,
            throttle,
            at: self.now(),
        };
        let event = Event::by(caller, Action::OrganizationRotate, start.at);
        match self
            .store
            .start_rotation(scope, current, key, start, event)
            .await
        {
            // Somebody else began one.
            Ok(()) | Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
        self.reload_org_keys(scope).await?;
        let rotations = self.store.rotations(scope).await?;
        rotations.into_iter().next().ok_or(VaultError::NotFound)
    }

    /// How many rows a rotation of the caller's organization would bring under a new generation.
    ///
    /// # Errors
    /// As [`Self::start_rotation`].
    pub async fn count_for_rotation(&self, caller: &Caller) -> Result<i64, VaultError> {
        caller.require(Permission::ManageOrganization)?;
        self.require_organization(caller).await?;
        // No generation is called 0, so every row is behind it.
        Ok(self.store.count_behind(caller.scope(), 0).await?)
    }

    /// Waits until nobody can still write under a generation that was active before. To be called before the
    /// first step, also of a rotation that is taken up again.
    ///
    /// # Errors
    /// The store's failure; [`VaultError::Unavailable`] when writers took too long, which may be tried again.
    pub async fn await_writers(&self) -> Result<(), VaultError> {
        Ok(self.store.await_writers().await?)
    }

    /// Brings the next rows after `after` under `rotation`'s generation.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] when a row does not open, or the store's failure; what was done stays done.
    pub async fn rotation_step(
        &self,
        caller: &Caller,
        rotation: &Rotation,
        after: Option<CredentialId>,
    ) -> Result<Step, VaultError> {
        caller.require(Permission::ManageOrganization)?;
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
        } else {
            self.rewrap(caller, &ids).await?;
        }
        let rows = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        self.store
            .advance_rotation(scope, generation, rows, self.now())
            .await?;
        Ok(Step::Rows(rows, last))
    }

    async fn rewrap(&self, caller: &Caller, ids: &[CredentialId]) -> Result<(), VaultError> {
        let keys = self.reload_org_keys(caller.scope()).await?;
        let random = self.random.clone();
        let rewrap: RewrapFn = Arc::new(move |row| keys.rewrap(row, &*random));
        Ok(self
            .store
            .rewrap_credentials(caller.scope(), ids, rewrap)
            .await?)
    }

    async fn reseal(&self, caller: &Caller, ids: &[CredentialId]) -> Result<(), VaultError> {
        self.reload_org_keys(caller.scope()).await?;
        let same: ContentFn = Arc::new(|row, _| {
            Ok(Content {
                label: row.label.clone(),
                blob: None,
            })
        });
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
        match self
            .change(caller, id, Action::CredentialReseal, None, same)
            .await
        {
            // Deleted meanwhile; or it does not open, which is recorded, and must not keep the others from going
            // on.
            Ok(_) | Err(VaultError::NotFound | VaultError::Integrity(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The caller's organization's rotations, newest first.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or the store's failure.
    pub async fn rotations(&self, caller: &Caller) -> Result<Vec<Rotation>, VaultError> {
        caller.require(Permission::ReadRotations)?;
        Ok(self.store.rotations(caller.scope()).await?)
    }

    /// Every organization's rotations, newest first; for the operator and for servers that take up what
    /// somebody left.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn all_rotations(&self) -> Result<Vec<Rotation>, VaultError> {
        Ok(self.store.all_rotations().await?)
    }

    /// Takes over a rotation that nobody works on any more; whether that was so.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn claim_rotation(
        &self,
        caller: &Caller,
        rotation: &Rotation,
    ) -> Result<bool, VaultError> {
        caller.require(Permission::ManageOrganization)?;
        let (generation, seen) = (rotation.generation, rotation.progress.updated_at);
        let claim = self
            .store
            .claim_rotation(caller.scope(), generation, seen, self.now());
        Ok(claim.await?)
    }

    /// Destroys an old generation of the caller's organization's key, if no credential needs it; else returns
    /// how many do.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] when there is no such generation, or it is the active one.
    pub async fn retire_generation(
        &self,
        caller: &Caller,
        generation: i32,
    ) -> Result<i64, VaultError> {
        caller.require(Permission::ManageOrganization)?;
        let event = Event::by(caller, Action::OrganizationRetire, self.now());
        let scope = caller.scope();
        Ok(self.store.retire_org_key(scope, generation, event).await?)
    }

    async fn running_rotation(&self, caller: &Caller) -> Result<Option<Rotation>, VaultError> {
        let rotations = self.store.rotations(caller.scope()).await?;
        let running = |rotation: &Rotation| rotation.progress.state == RotationState::Running;
        Ok(rotations.into_iter().find(running))
    }
}
