//! Reveals and relays per day.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, Utc};

use crate::audit::event::Action;
use crate::audit::stored::StoredTime;
use crate::caller::{Caller, OrgScope};
use crate::daily_totals::{
    DailyTotal, DailyTotals, KEPT_DAYS, LATEST_EVENT, StoredTotal, end_of, first_shown,
    first_to_count, start_of, zero,
};
use crate::error::VaultError;
use crate::ids::OrgId;
use crate::permission::Permission;
use crate::vault::Vault;

/// About how many events one step of a count has.
const STEP: i64 = 20_000;

/// A running count of the events of one organization.
#[derive(Debug)]
pub struct DailyCount {
    scope: OrgScope,
    begun_at: DateTime<Utc>,
    until: DateTime<Utc>,
    next: StoredTime,
    /// The totals that are not stored yet.
    days: BTreeMap<NaiveDate, DailyTotal>,
}

impl Vault {
    /// The totals of the last 30 days of the caller's organization. They are statistics: an
    /// administrator of the database can change them, and no check compares them with the trail.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or an error of the store.
    pub async fn daily_totals(&self, caller: &Caller) -> Result<DailyTotals, VaultError> {
        caller.require(Permission::AuditRead)?;
        let today = self.now().date_naive();
        let days = first_shown(today)..=today;
        let stored = self.store.daily_totals(caller.scope(), days).await?;
        self.record_action(caller, Action::AuditList).await?;
        Ok(DailyTotals::of(&stored, today))
    }

    /// Those of the callers' organizations that may have events which were not there at `since`.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or an error of the store.
    pub async fn organizations_to_count(
        &self,
        callers: &[Caller],
        since: DateTime<Utc>,
    ) -> Result<Vec<OrgId>, VaultError> {
        callers.iter().try_for_each(Caller::require_operator)?;
        let scopes: Vec<OrgScope> = callers.iter().map(Caller::scope).collect();
        let since = since - LATEST_EVENT;
        Ok(self.store.organizations_with_events(&scopes, since).await?)
    }

    /// Begins to count the events of the caller's organization from the first day whose totals may
    /// be incomplete, and forgets totals that are too old.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or an error of the store.
    pub async fn begin_daily_count(&self, caller: &Caller) -> Result<DailyCount, VaultError> {
        caller.require_operator()?;
        let (scope, now) = (caller.scope(), self.now());
        let today = now.date_naive();
        if let Some(oldest) = today.checked_sub_days(Days::new(KEPT_DAYS)) {
            self.store.forget_daily_totals(scope, oldest).await?;
        }
        let shown = first_shown(today)..=today;
        let stored = self.store.daily_totals(scope, shown).await?;
        let first = first_to_count(&stored, today);
        Ok(DailyCount {
            scope,
            begun_at: now,
            until: end_of(today).unwrap_or(now),
            next: start_of(first).into(),
            days: BTreeMap::new(),
        })
    }

    /// Counts a bounded number of events, and stores the totals of the days that are complete.
    /// Returns whether the count goes on. A count that is begun again has the same result.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn daily_count_step(&self, count: &mut DailyCount) -> Result<bool, VaultError> {
        let counted = self
            .store
            .count_events(count.scope, count.next, count.until, STEP)
            .await?;
        for day in counted.days {
            let total = count.days.entry(day.day).or_insert_with(|| zero(day.day));
            total.reveals += day.reveals;
            total.relays += day.relays;
        }
        let next_day = counted.next.and_then(StoredTime::time);
        let next_day = next_day.map(|at| at.date_naive());
        while let Some(first) = count.days.first_entry() {
            if next_day.is_some_and(|next| next <= *first.key()) {
                break;
            }
            let stored = StoredTotal {
                total: *first.get(),
                counted_at: count.begun_at,
            };
            self.store.put_daily_total(count.scope, stored).await?;
            first.remove();
        }
        if let Some(next) = counted.next {
            count.next = next;
        }
        Ok(counted.next.is_some())
    }
}
