//! The start of a rotation of an organization's key.

use serde_json::json;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::caller::{Caller, OrgScope};
use crate::error::{Conflict, VaultError};
use crate::permission::Permission;
use crate::ports::error::StoreError;
use crate::replication::Level;
use crate::rotation::{Rotation, RotationStart};
use crate::vault::Vault;
use crate::vault::replication::PendingReplication;
use crate::vault::state_events::RecordedGenerations;

const NO_ACTIVE_KEY: VaultError =
    VaultError::Integrity("no generation of the organization's key is active");

impl Vault {
    /// Starts a rotation of the caller's organization to a new generation of its key. Returns the
    /// running rotation if there is one.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`] if there is no such organization, or an
    /// error of the store.
    pub async fn start_rotation(
        &self,
        caller: &Caller,
        re_encrypt: bool,
        throttle: Option<i32>,
    ) -> Result<Rotation, VaultError> {
        caller.require(Permission::OrganizationsManage)?;
        self.require_organization(caller).await?;
        if let Some(running) = self.running_rotation(caller).await? {
            return Ok(running);
        }
        let level = Level::LocalRegion;
        match self
            .add_rotation(caller, re_encrypt, throttle, level)
            .await?
        {
            Some(started) => Ok(started.without_waiting()),
            None => self.running_rotation(caller).await?.ok_or_else(contended),
        }
    }

    /// As [`Self::start_rotation`], unless a rotation is running. A server carries it out.
    ///
    /// # Errors
    /// As for [`Self::start_rotation`], and [`VaultError::Conflict`] if a rotation is running.
    pub async fn begin_rotation(
        &self,
        caller: &Caller,
        re_encrypt: bool,
        level: Level,
    ) -> Result<PendingReplication<Rotation>, VaultError> {
        caller.require(Permission::OrganizationsManage)?;
        self.require_organization(caller).await?;
        if self.running_rotation(caller).await?.is_none() {
            let started = self.add_rotation(caller, re_encrypt, None, level).await?;
            if let Some(started) = started {
                return Ok(started);
            }
        }
        Err(VaultError::Conflict(Conflict::RotationRunning))
    }

    // Makes a new generation of the key active; `None` if the keys changed meanwhile.
    async fn add_rotation(
        &self,
        caller: &Caller,
        re_encrypt: bool,
        throttle: Option<i32>,
        level: Level,
    ) -> Result<Option<PendingReplication<Rotation>>, VaultError> {
        let scope = caller.scope();
        let (current, next) = self.next_generation(scope).await?;
        let key = self.root().new_org_key(caller.org(), next, &*self.random)?;
        let start = RotationStart {
            re_encrypt,
            throttle,
            at: self.now(),
        };
        let details = Details::new([
            ("generation", json!(next)),
            ("re_encrypt", json!(re_encrypt)),
        ]);
        let event = Event::by(caller, Action::OrganizationRotate, start.at).with_details(details);
        let operation = self.track(caller, level, None)?.operation;
        let rotation = (current, key, start);
        let started = self
            .store
            .start_rotation(scope, rotation, operation, event)
            .await;
        let committed = match started {
            Err(StoreError::Conflict) => return Ok(None),
            started => started?,
        };
        self.reload_org_keys(scope).await?;
        let rotations = self.store.rotations(scope).await?;
        let newest = rotations.into_iter().next().ok_or(VaultError::NotFound)?;
        Ok(Some(
            self.pending_replication(newest, level, operation, committed),
        ))
    }

    // The active generation of the organization's key, and the one that follows it.
    async fn next_generation(&self, scope: OrgScope) -> Result<(i32, i32), VaultError> {
        // A key that was put back is read as it is: the rotation replaces it.
        let stored = self.store.org_keys(scope).await?;
        let known = self.recorded_generations(scope).await;
        // The verification of the trail names an event that was altered.
        let known = known.or_else(|error| match error {
            VaultError::Integrity(_) => Ok(RecordedGenerations::default()),
            other => Err(other),
        })?;
        let active = stored.iter().find(|key| key.active);
        let current = active.map(|key| key.generation).ok_or(NO_ACTIVE_KEY)?;
        // A generation is never used twice, also if its key and its rows are gone.
        let rotations = self.store.rotations(scope).await?;
        let rotated = rotations.iter().map(|rotation| rotation.generation);
        let there = stored.iter().map(|key| key.generation);
        let highest = rotated.chain(there).chain(known.highest()).max();
        Ok((current, highest.unwrap_or(current) + 1))
    }
}

fn contended() -> VaultError {
    let why = "the organization's keys changed concurrently; no rotation was started";
    VaultError::Unavailable(why.into())
}
