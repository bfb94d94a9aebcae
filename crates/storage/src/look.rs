//! Looks at credentials, each recorded before its answer leaves.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use strongroom_domain::audit::{Event, Outcome};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::last_use::StoredCredential;
use strongroom_domain::store::{Committed, LookFn, Seen, StoreError, StoreResult, Tracking};
use strongroom_domain::{CredentialId, OrgId};
use tokio_postgres::Row;
use tracing::Span;

use crate::audit::Lane;
use crate::database::Database;
use crate::gather::{Gather, Member, Reply, Worker};
use crate::reader::{Asker, Credentials, Found, Reader, Wanted, found, one_of};
use crate::rows::get;
use crate::statement::Looks;
use crate::transaction::{OrgTransaction, within};
use crate::writer::{NewLane, Operation, Write};

/// Most credentials of which it is remembered which row was seen.
const MAX_REMEMBERED: usize = 50_000;

/// Somebody who looks at a credential, and waits until the event of that is recorded.
pub(crate) struct Look {
    pub(crate) scope: OrgScope,
    pub(crate) id: CredentialId,
    pub(crate) look: LookFn,
    /// The event but for what is seen.
    pub(crate) event: Event,
    pub(crate) writes: Arc<Gather<Write>>,
    pub(crate) reply: Reply<Committed>,
    /// The request's, since the look is on another thread.
    pub(crate) span: Span,
}

type Shown = StoreResult<Option<Arc<StoredCredential>>>;

impl Look {
    // What was looked at is recorded with the writes of others, without going back to whoever waits.
    fn record(self, seen: StoreResult<Seen>) {
        match seen {
            Ok(seen) => {
                let write = Write {
                    scope: self.scope,
                    operation: Operation::Record,
                    tracking: Tracking::default(),
                    event: self.event.of_look(seen),
                    reply: self.reply,
                };
                self.span.in_scope(|| self.writes.put(write));
            }
            Err(error) => {
                let _ = self.reply.send(Err(error));
            }
        }
    }
}

impl Member for Look {
    fn org(&self) -> OrgId {
        self.scope.org()
    }

    fn refuse(self, error: StoreError) {
        let _ = self.reply.send(Err(error));
    }
}

impl Asker<Option<Arc<StoredCredential>>> for Look {
    fn is_gone(&self) -> bool {
        self.reply.is_closed()
    }

    fn tell(self: Box<Self>, found: Shown) {
        let seen = (self.look)(found);
        self.record(seen);
    }
}

/// Shows credentials to whoever looks at them.
pub(crate) struct Looker {
    pub(crate) reader: Reader<Credentials>,
    /// What records the looks, unless that was done at once. The next batch is looked up when this one has been taken
    /// there, so both work at the same time, on batches of the same size.
    pub(crate) writes: Arc<Gather<Write>>,
    /// None where credentials are not read where events are written.
    pub(crate) recorder: Option<Recorder>,
}

#[async_trait]
impl Worker for Looker {
    type Member = Look;

    async fn run(&mut self, mut looks: Vec<Look>) {
        looks.retain(|look| !look.reply.is_closed());
        if let Some(recorder) = &mut self.recorder {
            looks = recorder.carry_out(looks).await;
        }
        let looks = looks.into_iter().map(wanted);
        self.reader.carry_out(looks.collect()).await;
        self.writes.next_taken().await;
    }
}

fn wanted(look: Look) -> Wanted<Credentials> {
    Wanted {
        scope: look.scope,
        id: look.id,
        asker: Box::new(look),
    }
}

/// Reads credentials, and in the same statement records the looks at those that are as they were when they were last
/// seen: how such a look ends is known before. What it then shows is what it has just read.
pub(crate) struct Recorder {
    database: Database,
    lane: Lane,
    new_lane: NewLane,
    seen: HashMap<(OrgId, CredentialId), SeenRow>,
}

/// A row that was opened: which one, see [`crate::sql::look`], and its version.
#[derive(Clone, Copy)]
struct SeenRow {
    row: i64,
    version: i64,
}

/// The credentials that a batch of looks is about, each once, with the row that was seen last.
type Expected = HashMap<(OrgId, CredentialId), Option<SeenRow>>;

/// What a batch of looks has read, and of which organisations it has recorded all looks.
struct Read {
    found: Found<Credentials>,
    rows: HashMap<(OrgId, CredentialId), i64>,
    recorded: HashSet<OrgId>,
}

impl Recorder {
    /// Reads from and records in `database`.
    pub(crate) fn new(database: Database, new_lane: NewLane) -> StoreResult<Self> {
        Ok(Self {
            database,
            lane: new_lane()?,
            new_lane,
            seen: HashMap::new(),
        })
    }

    /// Carries out and answers `looks`. Those that it cannot are given back, as are all where the database is sharded.
    async fn carry_out(&mut self, looks: Vec<Look>) -> Vec<Look> {
        if looks.is_empty() || self.database.is_sharded() {
            return looks;
        }
        match self.read(&looks).await {
            Ok(read) => {
                for look in looks {
                    self.show(look, &read);
                }
                Vec::new()
            }
            Err(
                error @ (StoreError::Unavailable(_)
                | StoreError::PartUnavailable(_)
                | StoreError::OutcomeUnknown(_)),
            ) => {
                for look in looks {
                    look.refuse(StoreError::Unavailable(error.to_string()));
                }
                Vec::new()
            }
            Err(error) => {
                tracing::debug!(%error, looks = looks.len(), "looks are recorded one by one");
                looks
            }
        }
    }

    fn show(&mut self, look: Look, read: &Read) {
        let key = (look.scope.org(), look.id);
        let seen = (look.look)(one_of::<Credentials>(&read.found, key.0, key.1));
        let opened = match &seen {
            Ok(seen) if seen.outcome == Outcome::Ok => seen.version,
            _ => None,
        };
        if let (Some(version), Some(row)) = (opened, read.rows.get(&key)) {
            self.remember(key, SeenRow { row: *row, version });
        }
        if opened.is_some() && read.recorded.contains(&key.0) {
            let _ = look.reply.send(Ok(Committed::default()));
        } else {
            look.record(seen);
        }
    }

    fn remember(&mut self, key: (OrgId, CredentialId), row: SeenRow) {
        if self.seen.len() >= MAX_REMEMBERED && !self.seen.contains_key(&key) {
            self.seen.clear();
        }
        self.seen.insert(key, row);
    }

    async fn read(&mut self, looks: &[Look]) -> StoreResult<Read> {
        let database = self.database.clone();
        let expected = self.expected(looks);
        let unsure = expected.iter().filter(|(_, row)| row.is_none());
        let unsure: HashSet<OrgId> = unsure.map(|((org, _), _)| *org).collect();
        let mut recordable = looks
            .iter()
            .map(|look| look.scope.org())
            .collect::<HashSet<_>>();
        recordable.retain(|org| !unsure.contains(org));
        let scopes: Vec<OrgScope> = looks.iter().map(|look| look.scope).collect();
        if self.lane.must_recover(recordable.iter().copied()) {
            within(&database, self.recover(&scopes, &recordable)).await?;
        }
        let mut chained = self.lane.chain(events(looks, &expected, &recordable))?;
        let transaction = within(&database, OrgTransaction::begin(&database, &scopes)).await?;
        let looked = {
            let (orgs, ids) = expected.keys().map(|(org, id)| (org.0, id.0)).unzip();
            let rows = expected.values().map(|seen| seen.map(|seen| seen.row));
            let looks = Looks {
                orgs,
                ids,
                rows: rows.collect(),
                events: chained.params(),
            };
            transaction.look(&looks).await
        };
        match looked.and_then(|rows| Read::of(&rows, &expected, recordable)) {
            Ok(read) => {
                chained.retain(&read.recorded);
                self.lane.committed(chained.appended);
                Ok(read)
            }
            Err(error) => {
                // The statement may still commit, however late: see the writer's.
                match (&error, (self.new_lane)()) {
                    (StoreError::OutcomeUnknown(_), Ok(lane)) => self.lane = lane,
                    _ => self.lane.forget(scopes.into_iter()),
                }
                Err(error)
            }
        }
    }

    fn expected(&self, looks: &[Look]) -> Expected {
        let keys = looks.iter().map(|look| (look.scope.org(), look.id));
        keys.map(|key| (key, self.seen.get(&key).copied()))
            .collect()
    }

    async fn recover(&mut self, scopes: &[OrgScope], orgs: &HashSet<OrgId>) -> StoreResult<()> {
        let transaction = OrgTransaction::begin(&self.database, scopes).await?;
        self.lane
            .recover(&transaction, orgs.iter().copied())
            .await?;
        transaction.finish().await
    }
}

/// The events of the looks at the credentials of `orgs`, should these be as expected.
fn events<'e>(
    looks: &[Look],
    expected: &Expected,
    orgs: &HashSet<OrgId>,
) -> Vec<(OrgScope, Cow<'e, Event>)> {
    let looks = looks.iter().filter(|look| orgs.contains(&look.scope.org()));
    let events = looks.map(|look| {
        let row = expected.get(&(look.scope.org(), look.id)).copied();
        let seen = Seen {
            outcome: Outcome::Ok,
            version: row.flatten().map(|row| row.version),
        };
        (look.scope, Cow::Owned(look.event.clone().of_look(seen)))
    });
    events.collect()
}

impl Read {
    // The statement has recorded what concerns organisations all of whose credentials are as expected.
    fn of(rows: &[Row], expected: &Expected, mut recorded: HashSet<OrgId>) -> StoreResult<Self> {
        let mut present = HashMap::with_capacity(rows.len());
        for row in rows {
            let key = (
                OrgId(get(row, "org_id")?),
                CredentialId(get(row, "cred_id")?),
            );
            present.insert(key, get(row, "row_id")?);
        }
        for (key, seen) in expected {
            if seen.map(|seen| seen.row) != present.get(key).copied() {
                recorded.remove(&key.0);
            }
        }
        Ok(Self {
            found: found::<Credentials>(rows.iter())?,
            rows: present,
            recorded,
        })
    }
}
