//! A writer's audit lane.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::sync::Arc;

use bytes::BytesMut;
use chrono::{DateTime, Utc};
use strongroom_domain::audit::chain::{Chain, ChainPosition};
use strongroom_domain::audit::event::Event;
use strongroom_domain::audit::heads::{LaneHead, encode_heads};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::crypto::Digest;
use strongroom_domain::health::counters::Counters;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::{LaneId, OrgId};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::rows::lane_head;
use crate::sql;
use crate::transaction::OrgTransaction;
use crate::transaction::statement::{Bound, Step};

/// Most organizations whose heads are kept in memory; beyond that, heads are read again.
const MAX_HEADS: usize = 100_000;

/// One writer's chains, one per organization. The writer must append one batch at a time.
pub(crate) struct Lane {
    id: LaneId,
    chain: Chain,
    heads: HashMap<OrgId, Position>,
    /// Whether `heads` has every organization with events in this lane.
    complete: bool,
    counters: Arc<Counters>,
}

#[derive(Clone, Copy)]
struct Position {
    seq: i64,
    mac: Digest,
}

/// The position after which a lane continues, and the heads that its next event names.
type Start = (Position, Option<Vec<u8>>);

const BEFORE_FIRST: Position = Position {
    seq: 0,
    mac: [0; 32],
};

fn no_start() -> StoreError {
    StoreError::Internal("an organization without a place in the lane".into())
}

/// Heads that become valid when the transaction commits.
pub(crate) struct Appended {
    heads: HashMap<OrgId, Position>,
    events: usize,
    newest: Option<DateTime<Utc>>,
}

/// Events with their positions in the lane.
pub(crate) struct Chained<'e> {
    links: Vec<Link<'e>>,
    pub(crate) appended: Appended,
}

/// An event as it is stored.
struct Link<'e> {
    org: Uuid,
    lane: Uuid,
    seq: i64,
    heads: Option<Vec<u8>>,
    mac: Bytea,
    digest: Option<Bytea>,
    texts: (&'static str, &'static str),
    about: (Option<Uuid>, Option<Uuid>),
    event: Cow<'e, Event>,
}

/// A digest as a parameter for a `bytea`.
#[derive(Debug)]
struct Bytea(Digest);

impl ToSql for Bytea {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.as_slice().to_sql(kind, out)
    }

    fn accepts(kind: &Type) -> bool {
        <&[u8] as ToSql>::accepts(kind)
    }

    to_sql_checked!();
}

impl Lane {
    /// An empty lane, whose events are counted in `counters`.
    pub(crate) fn new(id: LaneId, chain: Chain, counters: Arc<Counters>) -> Self {
        Self {
            id,
            chain,
            heads: HashMap::new(),
            complete: true,
            counters,
        }
    }

    /// Chains and stores `events` in their order. Call [`Self::committed`] or [`Self::forget`]
    /// afterwards.
    pub(crate) async fn append(
        &self,
        transaction: &OrgTransaction,
        events: Vec<(OrgScope, Event)>,
    ) -> StoreResult<Appended> {
        let events = events.into_iter();
        let events = events.map(|(scope, event)| (scope, Cow::Owned(event)));
        let chained = self.chain(transaction, events.collect()).await?;
        transaction
            .insert(&sql::AUDIT_INSERT, &chained.params())
            .await?;
        Ok(chained.appended)
    }

    /// Chains `events` in their order. Once they are stored, call [`Self::committed`] or
    /// [`Self::forget`].
    pub(crate) async fn chain<'e>(
        &self,
        transaction: &OrgTransaction,
        events: Vec<(OrgScope, Cow<'e, Event>)>,
    ) -> StoreResult<Chained<'e>> {
        let mut heads: HashMap<OrgId, Position> = HashMap::new();
        let mut starts = self.recover(transaction, &events).await?;
        let mut links = Vec::with_capacity(events.len());
        for (scope, event) in events {
            let org = scope.org();
            let known = heads.get(&org).or_else(|| self.heads.get(&org)).copied();
            let (position, named) = match known {
                Some(position) => (position, None),
                None => starts.remove(&org).ok_or_else(no_start)?,
            };
            let seq = position.seq + 1;
            let place = ChainPosition {
                org,
                lane: self.id,
                seq,
                previous: &position.mac,
                heads: named.as_deref(),
            };
            let mac = self.chain.link(&place, &event);
            heads.insert(org, Position { seq, mac });
            links.push(Link {
                org: org.0,
                lane: self.id.0,
                seq,
                heads: named,
                mac: Bytea(mac),
                digest: event.digest.map(Bytea),
                texts: (event.action.as_str(), event.outcome.as_str()),
                about: (event.credential.map(|id| id.0), event.key.map(|id| id.0)),
                event,
            });
        }
        let appended = Appended {
            heads,
            events: links.len(),
            newest: links.last().map(|link| link.event.at),
        };
        Ok(Chained { links, appended })
    }

    /// The transaction that `appended` belongs to has committed.
    pub(crate) fn committed(&mut self, appended: Appended) {
        if let Some(newest) = appended.newest {
            self.counters.audit.appended(appended.events, newest);
        }
        if self.heads.len() + appended.heads.len() > MAX_HEADS {
            self.heads.clear();
            self.complete = false;
        }
        self.heads.extend(appended.heads);
    }

    /// Drops the heads of `scopes` after a transaction of unknown outcome: they must be read again.
    pub(crate) fn forget(&mut self, scopes: impl Iterator<Item = OrgScope>) {
        for scope in scopes {
            self.heads.remove(&scope.org());
        }
        self.complete = false;
    }

    // The position of this lane for each organization whose head is not in memory: after its last
    // event, stored or pruned; or, before its first event, the heads of the other lanes, which that
    // event names.
    async fn recover(
        &self,
        transaction: &OrgTransaction,
        events: &[(OrgScope, Cow<'_, Event>)],
    ) -> StoreResult<HashMap<OrgId, Start>> {
        let orgs = events.iter().map(|(scope, _)| scope.org());
        let unknown: BTreeSet<OrgId> = orgs.filter(|org| !self.heads.contains_key(org)).collect();
        let mut starts = HashMap::new();
        if !self.complete {
            let own = unknown.iter().map(|org| Bound {
                sql: sql::LANE_HEAD,
                params: vec![&org.0, &self.id.0],
            });
            let own = transaction.run_all(&own.collect::<Vec<_>>()).await?;
            for (org, rows) in unknown.iter().zip(own) {
                if let Some(row) = rows.first() {
                    let LaneHead { seq, mac, .. } = lane_head(row)?;
                    starts.insert(*org, (Position { seq, mac }, None));
                }
            }
        }
        let new: Vec<&OrgId> = unknown
            .iter()
            .filter(|org| !starts.contains_key(org))
            .collect();
        let others = new.iter().map(|org| Bound {
            sql: sql::LANE_HEADS,
            params: vec![&org.0],
        });
        let others = transaction.run_all(&others.collect::<Vec<_>>()).await?;
        for (org, rows) in new.into_iter().zip(others) {
            // A malformed head was not written by a server; verification reports it.
            let heads = rows.iter().filter_map(|row| lane_head(row).ok());
            let heads: Vec<LaneHead> = heads.collect();
            starts.insert(*org, (BEFORE_FIRST, Some(encode_heads(&heads))));
        }
        Ok(starts)
    }
}

impl Chained<'_> {
    /// The step that stores the events.
    pub(crate) fn step(&self) -> Step<'_> {
        Step::insert(&sql::AUDIT_INSERT, self.params())
    }

    /// The rows of the events, for [`sql::AUDIT_INSERT`].
    fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        let mut params: Vec<&(dyn ToSql + Sync)> =
            Vec::with_capacity(self.links.len() * sql::AUDIT_INSERT.columns);
        for link in &self.links {
            let event = &link.event;
            params.extend_from_slice(&[
                &link.org,
                &link.lane,
                &link.seq,
                &event.at,
                &link.texts.0,
                &link.texts.1,
                &event.actor,
                &event.request_id,
                &event.source,
                &link.about.0,
                &link.about.1,
                &event.version,
                &link.digest,
                &link.heads,
                &link.mac,
            ]);
        }
        params
    }
}
