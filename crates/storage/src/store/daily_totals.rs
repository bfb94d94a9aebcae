//! Counts reveals and relays per day, and keeps the totals.

use std::ops::RangeInclusive;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use strongroom_domain::OrgId;
use strongroom_domain::audit::stored::{EventPosition, StoredTime};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::daily_totals::{DailyTotal, StoredTotal};
use strongroom_domain::ports::daily_totals::{CountedEvents, DailyTotalsStore};
use strongroom_domain::ports::error::StoreResult;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::pg_time::PgTime;
use crate::rows::get;
use crate::sql;
use crate::store::PgStore;
use crate::store::audit_by_time::{Window, marks_of};
use crate::transaction::statement::Bound;
use crate::transaction::{OrgTransaction, with_deadline};

#[async_trait]
impl DailyTotalsStore for PgStore {
    async fn organizations_with_events(
        &self,
        scopes: &[OrgScope],
        since: DateTime<Utc>,
    ) -> StoreResult<Vec<OrgId>> {
        let orgs: Vec<Uuid> = scopes.iter().map(|scope| scope.org().0).collect();
        let statement = [Bound {
            sql: sql::ORGANIZATIONS_WITH_EVENTS,
            params: vec![&orgs, &since],
        }];
        let _permit = self.scans.acquire().await;
        let read = OrgTransaction::read(&self.database, scopes, &statement);
        let rows = with_deadline(&self.database, read).await?;
        let org = |row: &Row| Ok(OrgId(get(row, "org_id")?));
        rows.iter().flatten().map(org).collect()
    }

    async fn count_events(
        &self,
        scope: OrgScope,
        since: StoredTime,
        until: DateTime<Utc>,
        count: i64,
    ) -> StoreResult<CountedEvents> {
        let _permit = self.scans.acquire().await;
        let until = StoredTime::from(until);
        let all = Window {
            since,
            until,
            after: EventPosition::before(since),
        };
        let next = self.mark(scope, sql::AUDIT_MARK_AFTER, all, marks_of(count));
        let next = next.await?;
        let ends = next.unwrap_or(until);
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &PgTime(since), &PgTime(ends)];
        let rows = self.query(scope, sql::EVENTS_COUNT, params).await?;
        let days = rows.iter().map(daily_total);
        Ok(CountedEvents {
            days: days.collect::<StoreResult<_>>()?,
            next,
        })
    }

    async fn daily_totals(
        &self,
        scope: OrgScope,
        days: RangeInclusive<NaiveDate>,
    ) -> StoreResult<Vec<StoredTotal>> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, days.start(), days.end()];
        let rows = self.query(scope, sql::DAILY_TOTALS, params).await?;
        let stored = |row: &Row| {
            Ok(StoredTotal {
                total: daily_total(row)?,
                counted_at: get(row, "counted_at")?,
            })
        };
        rows.iter().map(stored).collect()
    }

    async fn put_daily_total(&self, scope: OrgScope, stored: StoredTotal) -> StoreResult<()> {
        let total = stored.total;
        let params: &[&(dyn ToSql + Sync)] = &[
            &scope.org().0,
            &total.day,
            &total.reveals,
            &total.relays,
            &stored.counted_at,
        ];
        self.execute(scope, sql::DAILY_TOTAL_PUT, params).await?;
        Ok(())
    }

    async fn forget_daily_totals(&self, scope: OrgScope, before: NaiveDate) -> StoreResult<()> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &before];
        self.execute(scope, sql::DAILY_TOTALS_FORGET, params)
            .await?;
        Ok(())
    }
}

fn daily_total(row: &Row) -> StoreResult<DailyTotal> {
    Ok(DailyTotal {
        day: get(row, "day")?,
        reveals: get(row, "reveals")?,
        relays: get(row, "relays")?,
    })
}
