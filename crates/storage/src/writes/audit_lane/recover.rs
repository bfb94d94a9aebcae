//! Where a writer continues, after events of an organization were not in its memory.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use strongroom_domain::audit::event::Event;
use strongroom_domain::audit::heads::{LaneHead, encode_heads};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::health::condition::Condition;
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::{LaneId, OrgId};
use tokio_postgres::Row;

use crate::rows::lane_head;
use crate::sql;
use crate::transaction::OrgTransaction;
use crate::transaction::statement::Bound;
use crate::writes::audit_lane::{Doubtful, Lane, NAMING_INTERVAL, Start};

fn before_first(lane: LaneId) -> LaneHead {
    LaneHead {
        lane,
        seq: 0,
        mac: [0; 32],
    }
}

impl Lane {
    // The position after which each organization whose head is not in memory continues: its last
    // event, stored or pruned; or, before the first event of a lane, the heads of the other lanes,
    // which that event names.
    pub(super) async fn recover(
        &self,
        transaction: &OrgTransaction,
        events: &[(OrgScope, Cow<'_, Event>)],
    ) -> StoreResult<HashMap<OrgId, Start>> {
        let orgs = events.iter().map(|(scope, _)| scope.org());
        let unknown: BTreeSet<OrgId> = orgs.filter(|org| !self.ends.contains_key(org)).collect();
        let mut starts = HashMap::new();
        let mut new = Vec::new();
        for (org, stored) in self.stored_heads(transaction, unknown).await? {
            let doubtful = self.doubtful.get(&org);
            let lost = doubtful.filter(|last| !is_kept(&last.committed, stored));
            if let Some(last) = lost {
                self.report_lost(org, last, stored);
            }
            let continues = doubtful.is_none_or(|last| last.continues) && lost.is_none();
            match stored.filter(|_| continues) {
                Some(stored) => {
                    starts.insert(org, (stored, None));
                }
                None => new.push((org, lost.map(|last| last.committed))),
            }
        }
        for (org, named) in self.named_heads(transaction, &new).await? {
            starts.insert(org, (before_first(self.unused_lane(org)?), Some(named)));
        }
        Ok(starts)
    }

    // The heads that the next event of each organization names whose last naming is too old. They
    // expose the loss of another lane's end to those who read this one.
    pub(super) async fn due_heads(
        &self,
        transaction: &OrgTransaction,
        events: &[(OrgScope, Cow<'_, Event>)],
    ) -> StoreResult<HashMap<OrgId, Vec<u8>>> {
        let due = events.iter().filter_map(|(scope, event)| {
            let org = scope.org();
            let own = self.ends.get(&org)?.head;
            let named_at = self.named_at.get(&org).copied();
            is_due(named_at, event.at).then_some((org, own.lane))
        });
        let due: BTreeMap<OrgId, LaneId> = due.collect();
        let orgs: Vec<OrgId> = due.keys().copied().collect();
        let stored = self.newest_heads(transaction, &orgs).await?;
        let named = due.into_iter().zip(stored).map(|((org, own), mut heads)| {
            heads.retain(|head| head.lane != own);
            (org, encode_heads(&heads))
        });
        Ok(named.collect())
    }

    // The newest heads of each organization, in all lanes.
    async fn newest_heads(
        &self,
        transaction: &OrgTransaction,
        orgs: &[OrgId],
    ) -> StoreResult<Vec<Vec<LaneHead>>> {
        let reads = orgs.iter().map(|org| Bound {
            sql: sql::LANE_HEADS,
            params: vec![&org.0],
        });
        let rows = transaction.run_all(&reads.collect::<Vec<_>>()).await?;
        // A malformed head was not written by a server; verification reports it.
        let heads = |rows: &Vec<Row>| rows.iter().filter_map(|row| lane_head(row).ok()).collect();
        Ok(rows.iter().map(heads).collect())
    }

    // The last stored event of each organization in its lane, if it can have one.
    async fn stored_heads(
        &self,
        transaction: &OrgTransaction,
        orgs: BTreeSet<OrgId>,
    ) -> StoreResult<Vec<(OrgId, Option<LaneHead>)>> {
        let lanes = orgs.into_iter().map(|org| {
            let known = self.doubtful.get(&org);
            let known = known.map(|last| last.committed.lane);
            (org, known.or(self.id.filter(|_| !self.complete)))
        });
        let lanes: Vec<(OrgId, Option<LaneId>)> = lanes.collect();
        let reads = lanes.iter().filter_map(|(org, lane)| {
            let lane = lane.as_ref()?;
            Some(Bound {
                sql: sql::LANE_HEAD,
                params: vec![&org.0, &lane.0],
            })
        });
        let rows = transaction.run_all(&reads.collect::<Vec<_>>()).await?;
        let mut rows = rows.into_iter();
        let stored = lanes.iter().map(|(org, lane)| {
            let rows = lane.and_then(|_| rows.next());
            let head = rows.as_ref().and_then(|rows| rows.first());
            Ok((*org, head.map(lane_head).transpose()?))
        });
        stored.collect()
    }

    // The heads that the first event of a lane names: those of the other lanes, and the lost one.
    async fn named_heads(
        &self,
        transaction: &OrgTransaction,
        new: &[(OrgId, Option<LaneHead>)],
    ) -> StoreResult<Vec<(OrgId, Vec<u8>)>> {
        let orgs: Vec<OrgId> = new.iter().map(|(org, _)| *org).collect();
        let stored = self.newest_heads(transaction, &orgs).await?;
        let named = new.iter().zip(stored).map(|((org, lost), stored)| {
            let stored = stored.into_iter();
            let others = stored.filter(|head| lost.is_none_or(|lost| lost.lane != head.lane));
            let heads: Vec<LaneHead> = lost.iter().copied().chain(others).collect();
            (*org, encode_heads(&heads))
        });
        Ok(named.collect())
    }

    // A lane in which the organization has no event of this writer.
    fn unused_lane(&self, org: OrgId) -> StoreResult<LaneId> {
        let used = self.doubtful.get(&org).map(|last| last.committed.lane);
        let unused = self.id.filter(|id| Some(*id) != used);
        unused.map_or_else(|| (self.new_id)(), Ok)
    }

    fn report_lost(&self, org: OrgId, last: &Doubtful, stored: Option<LaneHead>) {
        let LaneHead { lane, seq, .. } = last.committed;
        let stored = stored.map_or(0, |head| head.seq);
        let cause = format!(
            "organization {org}: lane {} ends with event {stored}, but this server committed \
             event {seq}",
            lane.0
        );
        let conditions = &self.counters.conditions;
        conditions.record(Condition::AuditRolledBack, cause);
    }
}

/// Whether an event at `at` names heads again, if the last one that did was at `named_at`.
fn is_due(named_at: Option<DateTime<Utc>>, at: DateTime<Utc>) -> bool {
    named_at.is_none_or(|named_at| at - named_at >= NAMING_INTERVAL)
}

/// Whether `stored`, the last event of a lane, is `committed` or follows it.
fn is_kept(committed: &LaneHead, stored: Option<LaneHead>) -> bool {
    stored.is_some_and(|stored| {
        stored.seq > committed.seq || (stored.seq == committed.seq && stored.mac == committed.mac)
    })
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn heads_are_named_again_after_an_hour() {
        let named_at = DateTime::UNIX_EPOCH;
        let after = |minutes| is_due(Some(named_at), named_at + TimeDelta::minutes(minutes));
        assert_eq!([59, 60, 61].map(after), [false, true, true]);
        assert!(is_due(None, named_at));
    }
}
