//! A writer's audit lane.

mod recover;
pub(crate) mod rows;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use strongroom_domain::audit::chain::{Chain, ChainPosition};
use strongroom_domain::audit::event::Event;
use strongroom_domain::audit::format::EventFormat;
use strongroom_domain::audit::heads::LaneHead;
use strongroom_domain::audit::mark::Mark;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::health::counters::Counters;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::{LaneId, OrgId};

use crate::sql;
use crate::transaction::OrgTransaction;
use crate::writes::audit_lane::rows::{Appended, Chained, LaneEnd, Link};

/// Most organizations whose heads are kept in memory; beyond that, heads are read again.
const MAX_HEADS: usize = 100_000;

/// The time after which the next event of a lane names the newest heads of the other lanes again.
const NAMING_INTERVAL: TimeDelta = TimeDelta::hours(1);

/// Creates the id of a lane.
pub(crate) type NewLaneId = Arc<dyn Fn() -> StoreResult<LaneId> + Send + Sync>;

/// One writer's chains, one per organization. The writer must append one batch at a time.
///
/// A writer never continues below what it has committed: if the database no longer has an event
/// that was committed, the next event begins another lane, which names the lost one. Otherwise, the
/// lost event's number would be issued again, and its loss would not show.
pub(crate) struct Lane {
    /// The lane of organizations without a position, unless its id could not be generated.
    id: Option<LaneId>,
    new_id: NewLaneId,
    chain: Chain,
    /// The last committed event of each organization, after which its lane continues.
    ends: HashMap<OrgId, LaneEnd>,
    /// The time of the last event that named heads, of each organization.
    named_at: HashMap<OrgId, DateTime<Utc>>,
    /// Committed events that must be read again before their lane continues.
    doubtful: HashMap<OrgId, Doubtful>,
    /// Whether `ends` and `doubtful` have every organization with events in the lane `id`.
    complete: bool,
    counters: Arc<Counters>,
}

/// The last committed event of an organization, after a transaction that failed.
#[derive(Clone, Copy)]
struct Doubtful {
    committed: LaneHead,
    /// Whether the lane may continue. It may not after a transaction of unknown outcome, which may
    /// still add events to it.
    continues: bool,
}

/// The position after which a lane continues, and the heads that its next event names, if it is
/// the first one.
type Start = (LaneHead, Option<Vec<u8>>);

fn no_link() -> StoreError {
    StoreError::Internal("an event that its format does not allow".into())
}

// Until every server reads details, events are written without them.
fn in_format(mut event: Cow<'_, Event>, format: EventFormat) -> Cow<'_, Event> {
    if format == EventFormat::First && event.details.is_some() {
        event.to_mut().details = None;
    }
    event
}

fn no_start() -> StoreError {
    StoreError::Internal("an organization without a place in the lane".into())
}

impl Lane {
    /// An empty lane, whose events are counted in `counters`.
    ///
    /// # Errors
    /// The error of `new_id`.
    pub(crate) fn new(
        new_id: NewLaneId,
        chain: Chain,
        counters: Arc<Counters>,
    ) -> StoreResult<Self> {
        Ok(Self {
            id: Some(new_id()?),
            new_id,
            chain,
            ends: HashMap::new(),
            named_at: HashMap::new(),
            doubtful: HashMap::new(),
            complete: true,
            counters,
        })
    }

    /// Chains and stores `events` in their order. Call [`Self::committed`], [`Self::refused`] or
    /// [`Self::abandon`] afterwards.
    pub(crate) async fn append(
        &self,
        transaction: &OrgTransaction,
        events: Vec<(OrgScope, Event)>,
    ) -> StoreResult<Appended> {
        let events = events.into_iter();
        let events = events.map(|(scope, event)| (scope, Cow::Owned(event)));
        let format = self.chain.format();
        let chained = self.chain(transaction, events.collect(), format).await?;
        transaction
            .insert(&sql::AUDIT_INSERT, &chained.params())
            .await?;
        Ok(chained.appended)
    }

    /// The key of the chain, and the format of new records.
    pub(crate) fn chain_key(&self) -> &Chain {
        &self.chain
    }

    /// Chains `events` in their order. Once they are stored, call [`Self::committed`],
    /// [`Self::refused`] or [`Self::abandon`].
    pub(crate) async fn chain<'e>(
        &self,
        transaction: &OrgTransaction,
        events: Vec<(OrgScope, Cow<'e, Event>)>,
        format: EventFormat,
    ) -> StoreResult<Chained<'e>> {
        let mut ends: HashMap<OrgId, LaneEnd> = HashMap::new();
        let mut starts = self.recover(transaction, &events).await?;
        let mut due = self.due_heads(transaction, &events).await?;
        let mut named_at = HashMap::new();
        let mut links = Vec::with_capacity(events.len());
        for (scope, event) in events {
            let org = scope.org();
            let known = ends.get(&org).or_else(|| self.ends.get(&org)).copied();
            let (position, named) = match known {
                Some(end) => (end.head, due.remove(&org)),
                None => starts.remove(&org).ok_or_else(no_start)?,
            };
            if named.is_some() {
                named_at.insert(org, event.at);
            }
            let (lane, seq) = (position.lane, position.seq + 1);
            let place = ChainPosition {
                org,
                lane,
                seq,
                previous: &position.mac,
                heads: named.as_deref(),
            };
            let event = in_format(event, format);
            let mac = self.chain.link(&place, &event, format);
            let mac = mac.ok_or_else(no_link)?;
            let head = LaneHead { lane, seq, mac };
            let last = known.map(|end| end.mark);
            let (mark, after_mark) = Mark::of(last, seq, event.at.into());
            ends.insert(org, LaneEnd { head, mark });
            links.push(Link::of(event, (org, head), (named, format), after_mark));
        }
        let appended = Appended {
            ends,
            named_at,
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
        if self.ends.len() + appended.ends.len() > MAX_HEADS {
            self.doubtful = self.ends.drain().map(doubtful(true)).collect();
            self.named_at.clear();
            self.complete = false;
        }
        for org in appended.ends.keys() {
            self.doubtful.remove(org);
        }
        self.ends.extend(appended.ends);
        self.named_at.extend(appended.named_at);
    }

    /// The database refused a transaction with events of `scopes`.
    pub(crate) fn refused(&mut self, scopes: impl Iterator<Item = OrgScope>) {
        self.doubt(scopes, true);
        self.complete = false;
    }

    /// A transaction with events of `scopes` may still commit. Later events in the same lane would
    /// then have the same numbers, so they go into another lane.
    pub(crate) fn abandon(&mut self, scopes: impl Iterator<Item = OrgScope>) {
        self.doubt(scopes, false);
        self.id = (self.new_id)().ok();
        self.complete = true;
    }

    fn doubt(&mut self, scopes: impl Iterator<Item = OrgScope>, continues: bool) {
        for scope in scopes {
            let org = scope.org();
            if let Some(committed) = self.ends.remove(&org) {
                self.doubtful
                    .extend([doubtful(continues)((org, committed))]);
            } else if let Some(known) = self.doubtful.get_mut(&org) {
                known.continues &= continues;
            }
        }
    }
}

fn doubtful(continues: bool) -> impl Fn((OrgId, LaneEnd)) -> (OrgId, Doubtful) {
    move |(org, end)| {
        let doubtful = Doubtful {
            committed: end.head,
            continues,
        };
        (org, doubtful)
    }
}
