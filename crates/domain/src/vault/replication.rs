//! Waiting for replication, and queries of the replication state.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::caller::{Caller, Permission};
use crate::error::VaultError;
use crate::idempotency::IdempotencyRecord;
use crate::ports::store::{Committed, Tracking};
use crate::replication::{
    Awaited, KEPT_FOR, Level, OperationId, OperationState, OperationStatus, RegionStatus, Stale,
};
use crate::vault::Vault;

/// A write that is durable on the primary, and the regions that have not confirmed it.
#[derive(Debug)]
#[must_use = "a write is answered only after `Vault::replicated`"]
pub struct PendingReplication<T> {
    pub(super) value: T,
    awaited: Option<(Awaited, Vec<String>)>,
}

impl<T> PendingReplication<T> {
    /// A result without a write.
    pub(super) fn nothing(value: T) -> Self {
        Self {
            value,
            awaited: None,
        }
    }

    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> PendingReplication<U> {
        PendingReplication {
            value: change(self.value),
            awaited: self.awaited,
        }
    }
}

impl Vault {
    /// Waits until all required regions show the write, at most for `timeout`.
    ///
    /// # Errors
    /// [`VaultError::ReplicationTimeout`], after which replication continues.
    pub async fn replicated<T>(
        &self,
        caller: &Caller,
        written: PendingReplication<T>,
        patience: Duration,
    ) -> Result<T, VaultError> {
        let Some((awaited, regions)) = written.awaited else {
            return Ok(written.value);
        };
        let lagging = self
            .regions
            .wait(caller.scope(), awaited, &regions, patience)
            .await;
        if lagging.is_empty() {
            return Ok(written.value);
        }
        self.counters.replication_timeouts.add(1);
        Err(VaultError::ReplicationTimeout {
            operation: awaited.operation,
            lagging,
        })
    }

    /// The replication state of one of the organization's operations.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`] for an id that was not issued to the
    /// organization in the last 24 hours, or an error of the store.
    pub async fn operation(
        &self,
        caller: &Caller,
        id: OperationId,
    ) -> Result<OperationStatus, VaultError> {
        caller.require(Permission::ReadOperations)?;
        let issued = id.was_issued_to(caller.org(), &self.service.idempotency);
        if !issued || id < oldest(self.now()) {
            return Err(VaultError::NotFound);
        }
        let scope = caller.scope();
        let (kept, shown) = futures_util::future::join(
            self.store.has_operation(scope, id),
            self.regions.shown(scope, id),
        )
        .await;
        let (state, missing) = match (kept?, shown.values().all(|shown| *shown)) {
            (true, true) => (OperationState::Applied, OperationState::Pending),
            (true, false) => (OperationState::Pending, OperationState::Pending),
            (false, _) => (OperationState::Lost, OperationState::Lost),
        };
        let of = |shown| {
            if shown {
                OperationState::Applied
            } else {
                missing
            }
        };
        let regions = shown.into_iter().map(|(name, shown)| (name, of(shown)));
        Ok(OperationStatus {
            state,
            regions: regions.collect(),
        })
    }

    /// The replication status of each region.
    #[must_use]
    pub fn regions(&self) -> Vec<RegionStatus> {
        self.regions.status()
    }

    /// The lag of the region that serves reads, if it exceeds the configured bound.
    #[must_use]
    pub fn stale(&self) -> Option<Stale> {
        self.regions.stale()
    }

    /// Deletes the callers' organizations' operations and idempotency records that are older than
    /// 24 hours.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn forget_operations(&self, callers: &[Caller]) -> Result<(), VaultError> {
        let now = self.now();
        let mut scopes = Vec::with_capacity(callers.len());
        for caller in callers {
            caller.require(Permission::ManageOrganization)?;
            scopes.push(caller.scope());
        }
        let forgotten = self.store.forget_operations(&scopes, oldest(now), now);
        Ok(forgotten.await?)
    }

    /// The rows that a write of this level inserts so that its replication can be observed.
    pub(super) fn track(
        &self,
        caller: &Caller,
        level: Level,
        claim: Option<IdempotencyRecord>,
    ) -> Result<Tracking, VaultError> {
        if claim.is_none() && self.regions.awaited(level).is_empty() {
            return Ok(Tracking::default());
        }
        let key = &self.service.idempotency;
        let operation = OperationId::new(key, caller.org(), self.now(), &*self.random)?;
        Ok(Tracking {
            operation: Some(operation),
            claim,
        })
    }

    /// The pending replication of a committed write with the id `operation`, or of the earlier
    /// request that it repeats.
    pub(super) fn written<T>(
        &self,
        value: T,
        level: Level,
        operation: Option<OperationId>,
        committed: Committed,
    ) -> PendingReplication<T> {
        let earlier = committed.earlier.map(|earlier| earlier.operation);
        let regions = self.regions.awaited(level);
        let awaited = earlier.or(operation).filter(|_| !regions.is_empty());
        let position = committed.position.unwrap_or_default();
        PendingReplication {
            value,
            awaited: awaited.map(|operation| {
                let awaited = Awaited {
                    operation,
                    position,
                };
                (awaited, regions)
            }),
        }
    }

    pub(super) fn refuse_stale_reads(&self) -> Result<(), VaultError> {
        match self.regions.stale() {
            Some(stale) if stale.refused => Err(VaultError::Stale(stale.lag)),
            _ => Ok(()),
        }
    }
}

fn oldest(now: DateTime<Utc>) -> OperationId {
    let kept_for = TimeDelta::from_std(KEPT_FOR).unwrap_or(TimeDelta::MAX);
    OperationId::first_at(now - kept_for)
}
