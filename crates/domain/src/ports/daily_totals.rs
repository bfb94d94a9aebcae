//! The port for daily totals.

use std::ops::RangeInclusive;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};

use crate::audit::stored::StoredTime;
use crate::caller::OrgScope;
use crate::daily_totals::{DailyTotal, StoredTotal};
use crate::ids::OrgId;
use crate::ports::error::StoreResult;

/// The totals of some events that follow each other in the order of their times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CountedEvents {
    /// The totals of each day that has events, the oldest first. Events of the first and the last
    /// day may be missing.
    pub days: Vec<DailyTotal>,
    /// The time from which further events may follow.
    pub next: Option<StoredTime>,
}

/// Counts events, and keeps the totals.
#[async_trait]
pub trait DailyTotalsStore: Send + Sync {
    /// Those of the organizations that have an event at or after `since`, and maybe others.
    async fn organizations_with_events(
        &self,
        scopes: &[OrgScope],
        since: DateTime<Utc>,
    ) -> StoreResult<Vec<OrgId>>;
    /// Counts about the first `count` events of the organization at or after `since` and before
    /// `until`: an eighth to twice as many.
    async fn count_events(
        &self,
        scope: OrgScope,
        since: StoredTime,
        until: DateTime<Utc>,
        count: i64,
    ) -> StoreResult<CountedEvents>;
    /// The stored totals of these days, the oldest first.
    async fn daily_totals(
        &self,
        scope: OrgScope,
        days: RangeInclusive<NaiveDate>,
    ) -> StoreResult<Vec<StoredTotal>>;
    /// Stores the totals of a day, unless later counted ones are stored.
    async fn put_daily_total(&self, scope: OrgScope, stored: StoredTotal) -> StoreResult<()>;
    /// Deletes the totals of the days before `before`.
    async fn forget_daily_totals(&self, scope: OrgScope, before: NaiveDate) -> StoreResult<()>;
}
