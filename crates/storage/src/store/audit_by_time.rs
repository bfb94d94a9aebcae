//! Reads audit events by time, a window after the other: the events of some marks.

use strongroom_domain::audit::stored::{AuditFilter, EventPosition, StoredEvent, StoredTime};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::ports::error::StoreResult;
use tokio_postgres::types::ToSql;

use crate::pg_time::PgTime;
use crate::rows::get;
use crate::sql;
use crate::store::PgStore;
use crate::store::audit::events;

/// The number of events of a mark that windows are made for. There are 1 to 16.
const EVENTS_OF_MARK: i64 = 8;
/// The most marks of a window.
const MOST_MARKS: i64 = 2_000;
/// How many times as many marks the next window of a page has.
const GROWTH: i64 = 8;
/// The marks whose events are counted, to tell how many marks have a number of events.
const SAMPLE: i64 = 128;

/// The events between two times and after a place in their order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) since: StoredTime,
    pub(super) until: StoredTime,
    pub(super) after: EventPosition,
}

impl Window {
    fn new(filter: &AuditFilter, after: EventPosition) -> Self {
        Self {
            since: filter.since.map_or(StoredTime::MIN, StoredTime::from),
            until: filter.until.map_or(StoredTime::MAX, StoredTime::from),
            after,
        }
    }
}

/// The number of marks that may have `events` events.
pub(super) fn marks_of(events: i64) -> i64 {
    (events / EVENTS_OF_MARK).saturating_add(1).min(MOST_MARKS)
}

impl PgStore {
    /// Events after `after` that match `filter`, newest first.
    pub(super) async fn newest_events(
        &self,
        scope: OrgScope,
        filter: &AuditFilter,
        after: Option<EventPosition>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>> {
        let _permit = self.scans.acquire().await;
        let all = Window::new(filter, after.unwrap_or(EventPosition::LAST));
        if filter.credential.is_some() {
            let sql = sql::AUDIT_NEWEST_OF_CREDENTIAL;
            return self.newest_within(scope, sql, (filter, all), limit).await;
        }
        let (mut window, mut found, mut marks) = (all, Vec::new(), marks_of(limit));
        loop {
            let oldest = self.mark(scope, sql::AUDIT_MARK_BEFORE, window, marks);
            let oldest = oldest.await?;
            window.since = oldest.unwrap_or(all.since);
            let sql = sql::AUDIT_NEWEST;
            let read = self.newest_within(scope, sql, (filter, window), left(limit, &found));
            found.extend(read.await?);
            match oldest {
                Some(oldest) if left(limit, &found) > 0 => {
                    (window.since, window.after) = (all.since, EventPosition::before(oldest));
                }
                _ => return Ok(found),
            }
            marks = MOST_MARKS.min(marks * GROWTH);
        }
    }

    /// Events after `after` within the times of `filter`, oldest first.
    pub(super) async fn oldest_events(
        &self,
        scope: OrgScope,
        filter: &AuditFilter,
        after: Option<EventPosition>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>> {
        let all = Window::new(filter, after.unwrap_or(EventPosition::FIRST));
        let (mut window, mut found, mut marks) = (all, Vec::new(), marks_of(limit));
        loop {
            let newest = self.mark(scope, sql::AUDIT_MARK_AFTER, window, marks);
            let newest = newest.await?;
            window.until = newest.unwrap_or(all.until);
            let read = self.oldest_within(scope, window, left(limit, &found));
            found.extend(read.await?);
            match newest {
                Some(newest) if left(limit, &found) > 0 => {
                    (window.until, window.after) = (all.until, EventPosition::before(newest));
                }
                _ => return Ok(found),
            }
            marks = MOST_MARKS.min(marks * GROWTH);
        }
    }

    /// The time of an event that comes about `count` events before `before`, within the times and
    /// of the credential of `filter`; `None` if there are fewer. Writes of a credential are not
    /// counted.
    pub(super) async fn time_before(
        &self,
        scope: OrgScope,
        filter: &AuditFilter,
        before: Option<EventPosition>,
        count: i64,
    ) -> StoreResult<Option<StoredTime>> {
        let _permit = self.scans.acquire().await;
        let window = Window::new(filter, before.unwrap_or(EventPosition::LAST));
        if let Some(id) = filter.credential {
            let sql = sql::AUDIT_TIME_BEFORE_OF_CREDENTIAL;
            return self.time(scope, sql, window, &[&count, &id.0]).await;
        }
        let sql = sql::AUDIT_MARK_BEFORE;
        let Some(since) = self.mark(scope, sql, window, SAMPLE).await? else {
            return Ok(None);
        };
        let (since, until) = (PgTime(since), PgTime(window.until.min(window.after.at)));
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &since, &until];
        let days = self.query(scope, sql::EVENTS_COUNT, params).await?;
        let events = days.iter().map(|row| get::<i64>(row, "events"));
        let events = events.sum::<StoreResult<i64>>()?.max(SAMPLE);
        let marks = count.saturating_mul(SAMPLE) / events;
        self.mark(scope, sql, window, marks).await
    }

    /// The time of the mark that comes `marks` marks after the beginning of `window`, in the order
    /// of `sql`; `None` if there are fewer.
    pub(super) async fn mark(
        &self,
        scope: OrgScope,
        sql: &str,
        window: Window,
        marks: i64,
    ) -> StoreResult<Option<StoredTime>> {
        self.time(scope, sql, window, &[&marks]).await
    }

    async fn time(
        &self,
        scope: OrgScope,
        sql: &str,
        window: Window,
        further: &[&(dyn ToSql + Sync)],
    ) -> StoreResult<Option<StoredTime>> {
        let org = scope.org();
        let (since, until) = (PgTime(window.since), PgTime(window.until));
        let at = PgTime(window.after.at);
        let params: [&(dyn ToSql + Sync); 4] = [&org.0, &since, &until, &at];
        let rows = self.query(scope, sql, &[&params, further].concat()).await?;
        let time = rows.first().map(|row| Ok(get::<PgTime>(row, "at")?.0));
        time.transpose()
    }

    async fn newest_within(
        &self,
        scope: OrgScope,
        sql: &str,
        (filter, window): (&AuditFilter, Window),
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>> {
        let params: &[&(dyn ToSql + Sync)] = &[
            &scope.org().0,
            &PgTime(window.since),
            &PgTime(window.until),
            &PgTime(window.after.at),
            &window.after.lane.0,
            &window.after.seq,
            &filter.actor,
            &filter.credential.map(|id| id.0),
            &filter.action.map(|action| action.as_str()),
            &limit,
            &filter.outcome.map(|outcome| outcome.as_str()),
            &filter.without.map(|action| action.as_str()),
        ];
        events(&self.query(scope, sql, params).await?)
    }

    async fn oldest_within(
        &self,
        scope: OrgScope,
        window: Window,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>> {
        let params: &[&(dyn ToSql + Sync)] = &[
            &scope.org().0,
            &PgTime(window.since),
            &PgTime(window.until),
            &PgTime(window.after.at),
            &window.after.lane.0,
            &window.after.seq,
            &limit,
        ];
        events(&self.query(scope, sql::AUDIT_OLDEST, params).await?)
    }
}

fn left(limit: i64, found: &[StoredEvent]) -> i64 {
    limit.saturating_sub_unsigned(found.len() as u64)
}
