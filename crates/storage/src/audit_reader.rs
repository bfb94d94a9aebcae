//! The audit trail, read back. What is read is not believed: the domain verifies it.

use std::error::Error;

use chrono::DateTime;
use strongroom_domain::audit::heads::LaneHead;
use strongroom_domain::audit::signed::Checkpoint;
use strongroom_domain::audit::stored::{AuditFilter, EventPlace, StoredEvent, StoredTime};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::ports::audit::HeadEvidence;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::{CredentialId, KeyId, LaneId};
use tokio_postgres::Row;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::pg_store::PgStore;
use crate::rows::get;
use crate::sql;

/// PostgreSQL's epoch, 2000-01-01T00:00:00Z, in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

/// PostgreSQL's earliest time, in 4714 BC, in microseconds since 2000; `MIN_TIMESTAMP` in its timestamp.h. The
/// latest is later than any that [`StoredTime`] can name.
const EARLIEST: i64 = -211_813_488_000_000_000;

/// A `timestamptz` as its bytes are: microseconds since 2000, and the extremes for the infinities. Chrono's
/// times are narrower than PostgreSQL's, and whoever writes to the table may have put anything there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PgTime(pub(crate) StoredTime);

impl<'a> FromSql<'a> for PgTime {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let micros = i64::from_be_bytes(raw.try_into()?);
        Ok(Self(StoredTime(match micros {
            i64::MIN | i64::MAX => micros,
            _ => micros.saturating_add(EPOCH),
        })))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }
}

impl ToSql for PgTime {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let micros = match self.0.0 {
            extreme @ (i64::MIN | i64::MAX) => extreme,
            // A cursor can name any time; PostgreSQL refuses those before its earliest.
            micros => match micros.saturating_sub(EPOCH) {
                micros if micros < EARLIEST => i64::MIN,
                micros => micros,
            },
        };
        out.extend_from_slice(&micros.to_be_bytes());
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }

    to_sql_checked!();
}

/// Before every event, in any order.
pub(crate) const FIRST: EventPlace = EventPlace {
    at: StoredTime::MIN,
    lane: LaneId(Uuid::nil()),
    seq: i64::MIN,
};
/// After every event, in any order.
const LAST: EventPlace = EventPlace {
    at: StoredTime::MAX,
    lane: LaneId(Uuid::max()),
    seq: i64::MAX,
};

fn since(filter: &AuditFilter) -> PgTime {
    PgTime(filter.since.map_or(StoredTime::MIN, StoredTime::from))
}

fn until(filter: &AuditFilter) -> PgTime {
    PgTime(filter.until.map_or(StoredTime::MAX, StoredTime::from))
}

impl PgStore {
    pub(crate) async fn read_chain(
        &self,
        scope: OrgScope,
        after: Option<EventPlace>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>> {
        let after = after.unwrap_or(FIRST);
        let params: &[&(dyn ToSql + Sync)] = &[
            &scope.org().0,
            &after.lane.0,
            &after.seq,
            &PgTime(after.at),
            &limit,
        ];
        events(&self.query(scope, sql::AUDIT_CHAIN, params).await?)
    }

    pub(crate) async fn read_newest(
        &self,
        scope: OrgScope,
        filter: &AuditFilter,
        after: Option<EventPlace>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>> {
        let after = after.unwrap_or(LAST);
        let params: &[&(dyn ToSql + Sync)] = &[
            &scope.org().0,
            &since(filter),
            &until(filter),
            &PgTime(after.at),
            &after.lane.0,
            &after.seq,
            &filter.actor,
            &filter.credential.map(|id| id.0),
            &filter.action.map(|action| action.as_str()),
            &limit,
        ];
        let sql = match filter.credential {
            Some(_) => sql::AUDIT_NEWEST_OF_CREDENTIAL,
            None => sql::AUDIT_NEWEST,
        };
        let _turn = self.scans.acquire().await;
        events(&self.query(scope, sql, params).await?)
    }

    pub(crate) async fn read_oldest(
        &self,
        scope: OrgScope,
        filter: &AuditFilter,
        after: Option<EventPlace>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>> {
        let after = after.unwrap_or(FIRST);
        let params: &[&(dyn ToSql + Sync)] = &[
            &scope.org().0,
            &since(filter),
            &until(filter),
            &PgTime(after.at),
            &after.lane.0,
            &after.seq,
            &limit,
        ];
        events(&self.query(scope, sql::AUDIT_OLDEST, params).await?)
    }

    pub(crate) async fn read_heads(
        &self,
        scope: OrgScope,
        after: Option<LaneId>,
        limit: i64,
    ) -> StoreResult<Vec<LaneHead>> {
        let after = after.map_or(Uuid::nil(), |lane| lane.0);
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &after, &limit];
        let rows = self.query(scope, sql::AUDIT_HEADS, params).await?;
        rows.iter().map(lane_head).collect()
    }

    pub(crate) async fn read_evidence(
        &self,
        scope: OrgScope,
        heads: &[LaneHead],
    ) -> StoreResult<Vec<HeadEvidence>> {
        let lanes: Vec<Uuid> = heads.iter().map(|head| head.lane.0).collect();
        let numbers: Vec<i64> = heads.iter().map(|head| head.seq).collect();
        let macs: Vec<&[u8]> = heads.iter().map(|head| &head.mac[..]).collect();
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &lanes, &numbers, &macs];
        evidence(heads, &self.query(scope, sql::HEAD_EVIDENCE, params).await?)
    }

    pub(crate) async fn read_checkpoint(
        &self,
        scope: OrgScope,
        lane: LaneId,
    ) -> StoreResult<Option<Checkpoint>> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &lane.0];
        let rows = self.query(scope, sql::CHECKPOINT, params).await?;
        rows.first().map(checkpoint).transpose()
    }

    pub(crate) async fn read_checkpoints(
        &self,
        scope: OrgScope,
        after: Option<LaneId>,
        limit: i64,
    ) -> StoreResult<Vec<Checkpoint>> {
        let after = after.map_or(Uuid::nil(), |lane| lane.0);
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &after, &limit];
        let rows = self.query(scope, sql::CHECKPOINTS, params).await?;
        rows.iter().map(checkpoint).collect()
    }
}

fn events(rows: &[Row]) -> StoreResult<Vec<StoredEvent>> {
    rows.iter().map(event).collect()
}

pub(crate) fn event(row: &Row) -> StoreResult<StoredEvent> {
    Ok(StoredEvent {
        lane: LaneId(get(row, "lane")?),
        seq: get(row, "seq")?,
        at: get::<PgTime>(row, "at")?.0,
        action: get(row, "action")?,
        outcome: get(row, "outcome")?,
        actor: get(row, "actor")?,
        credential_id: get::<Option<Uuid>>(row, "cred_id")?.map(CredentialId),
        key_id: get::<Option<Uuid>>(row, "key_id")?.map(KeyId),
        version: get(row, "version")?,
        request_id: get(row, "request_id")?,
        source: get(row, "source")?,
        digest: get(row, "digest")?,
        heads: get(row, "heads")?,
        mac: get(row, "mac")?,
    })
}

/// What [`sql::HEAD_EVIDENCE`] says of each of `heads`.
pub(crate) fn evidence(heads: &[LaneHead], rows: &[Row]) -> StoreResult<Vec<HeadEvidence>> {
    let evidence = heads.iter().zip(rows).map(|(head, row)| {
        let lane: Option<Uuid> = get(row, "lane")?;
        Ok(HeadEvidence {
            head: *head,
            present: get(row, "present")?,
            numbered: get(row, "numbered")?,
            last: get(row, "last")?,
            checkpoint: lane.map(|_| checkpoint(row)).transpose()?,
        })
    });
    evidence.collect()
}

/// A row with a lane's `lane`, `seq` and `mac`.
pub(crate) fn lane_head(row: &Row) -> StoreResult<LaneHead> {
    let mac: &[u8] = get(row, "mac")?;
    Ok(LaneHead {
        lane: LaneId(get(row, "lane")?),
        seq: get(row, "seq")?,
        mac: mac.try_into().map_err(|_| StoreError::Malformed("mac"))?,
    })
}

// What is not of its form becomes something that nobody signed, and is found by that.
fn checkpoint(row: &Row) -> StoreResult<Checkpoint> {
    let mac: &[u8] = get(row, "mac")?;
    let pruned_before = get::<PgTime>(row, "pruned_before")?.0.time();
    Ok(Checkpoint {
        lane: LaneId(get(row, "lane")?),
        seq: get(row, "seq")?,
        mac: mac.try_into().unwrap_or([0; 32]),
        pruned_before: pruned_before.unwrap_or(DateTime::UNIX_EPOCH),
        signature: get(row, "signature")?,
    })
}
