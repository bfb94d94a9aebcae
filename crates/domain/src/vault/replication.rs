//! Waiting for replication, and queries of the replication state.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::caller::Caller;
use crate::error::VaultError;
use crate::idempotency::IdempotencyRecord;
use crate::ports::error::StoreResult;
use crate::ports::store::{Committed, Tracking};
use crate::replication::{
    Level, OPERATION_RETENTION, OperationId, OperationState, OperationStatus, PendingWrite,
    RegionStatus, Stale,
};
use crate::vault::Vault;

/// A write that is durable on the primary, and the regions that have not confirmed it.
#[derive(Debug)]
#[must_use = "a write is complete only after `Vault::replicated`"]
pub struct PendingReplication<T> {
    pub(super) value: T,
    pending: Option<(PendingWrite, Vec<String>)>,
}

impl<T> PendingReplication<T> {
    /// A result without a write.
    pub(super) fn nothing(value: T) -> Self {
        Self {
            value,
            pending: None,
        }
    }

    /// The result, without waiting for regions.
    pub fn without_waiting(self) -> T {
        self.value
    }

    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> PendingReplication<U> {
        PendingReplication {
            value: change(self.value),
            pending: self.pending,
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
        pending: PendingReplication<T>,
        timeout: Duration,
    ) -> Result<T, VaultError> {
        let Some((write, regions)) = pending.pending else {
            return Ok(pending.value);
        };
        let lagging = self
            .regions
            .wait(caller.scope(), write, &regions, timeout)
            .await;
        if lagging.is_empty() {
            return Ok(pending.value);
        }
        self.counters.replication_timeouts.add(1);
        Err(VaultError::ReplicationTimeout {
            operation: write.operation,
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
        let issued = id.was_issued_to(caller.org(), &self.service.idempotency);
        if !issued || id < oldest_kept(self.now()) {
            return Err(VaultError::NotFound);
        }
        let scope = caller.scope();
        let (on_primary, shown) = futures_util::future::join(
            self.store.has_operation(scope, id),
            self.regions.shown_by_region(scope, id),
        )
        .await;
        let (state, missing) = match (on_primary?, shown.values().all(|shown| *shown)) {
            (true, true) => (OperationState::Applied, OperationState::Pending),
            (true, false) => (OperationState::Pending, OperationState::Pending),
            (false, _) => (OperationState::Lost, OperationState::Lost),
        };
        let state_of = |shown| {
            if shown {
                OperationState::Applied
            } else {
                missing
            }
        };
        let regions = shown
            .into_iter()
            .map(|(name, shown)| (name, state_of(shown)));
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
            caller.require_operator()?;
            scopes.push(caller.scope());
        }
        let deleted = self.store.forget_operations(&scopes, oldest_kept(now), now);
        Ok(deleted.await?)
    }

    /// The rows that a write of this level inserts so that its replication can be observed.
    pub(super) fn track(
        &self,
        caller: &Caller,
        level: Level,
        record: Option<IdempotencyRecord>,
    ) -> Result<Tracking, VaultError> {
        if record.is_none() && self.regions.required_regions(level).is_empty() {
            return Ok(Tracking::default());
        }
        let key = &self.service.idempotency;
        let operation = OperationId::new(key, caller.org(), self.now(), &*self.random)?;
        Ok(Tracking {
            operation: Some(operation),
            idempotency: record,
        })
    }

    /// Makes a write that regions may be watched for. Its result is `value`.
    pub(super) async fn tracked<T, W>(
        &self,
        caller: &Caller,
        level: Level,
        value: T,
        write: impl FnOnce(Option<OperationId>) -> W,
    ) -> Result<PendingReplication<T>, VaultError>
    where
        W: Future<Output = StoreResult<Committed>>,
    {
        let operation = self.track(caller, level, None)?.operation;
        let committed = write(operation).await?;
        Ok(self.pending_replication(value, level, operation, committed))
    }

    /// The pending replication of a committed write with the id `operation`, or of the earlier
    /// request that it repeats.
    pub(super) fn pending_replication<T>(
        &self,
        value: T,
        level: Level,
        operation: Option<OperationId>,
        committed: Committed,
    ) -> PendingReplication<T> {
        let earlier = committed.earlier.map(|earlier| earlier.operation);
        let regions = self.regions.required_regions(level);
        let operation = earlier.or(operation).filter(|_| !regions.is_empty());
        let position = committed.position.unwrap_or_default();
        PendingReplication {
            value,
            pending: operation.map(|operation| {
                let write = PendingWrite {
                    operation,
                    position,
                };
                (write, regions)
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

fn oldest_kept(now: DateTime<Utc>) -> OperationId {
    let retention = TimeDelta::from_std(OPERATION_RETENTION).unwrap_or(TimeDelta::MAX);
    OperationId::first_at(now - retention)
}
