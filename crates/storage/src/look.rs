//! Looks at credentials, each recorded before its answer leaves. An event tells what was seen, and its MAC covers that, so
//! that it can only be made once that is known. Of a credential that was opened before, it is: if its row is still the
//! same, the look ends as it did then. So one statement reads the row, and records the look if it is. Whether it was, the
//! row tells here as well; else the event is made now, and the writer records it.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use strongroom_domain::audit::{Event, Outcome};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::last_use::StoredCredential;
use strongroom_domain::store::{Committed, Seen, StoreError, StoreResult, Tracking, Viewer};
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

/// Somebody who looks at a credential, and waits until the event of that is recorded.
pub(crate) struct Look {
    pub(crate) scope: OrgScope,
    pub(crate) id: CredentialId,
    pub(crate) viewer: Arc<dyn Viewer>,
    /// The event but for what is seen.
    pub(crate) event: Event,
    pub(crate) writes: Arc<Gather<Write>>,
    pub(crate) reply: Reply<Committed>,
    /// The request's, since the look is on another thread.
    pub(crate) span: Span,
}

/// Which credential.
type Key = (OrgId, CredentialId);

impl Look {
    fn key(&self) -> Key {
        (self.scope.org(), self.id)
    }

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

    fn tell(self: Box<Self>, found: StoreResult<Option<Arc<StoredCredential>>>) {
        let seen = self.viewer.look(found);
        self.record(seen);
    }
}

/// Shows credentials to whoever looks at them.
pub(crate) struct Looker {
    pub(crate) reader: Reader<Credentials>,
    /// What records the looks that were not recorded at once.
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
            looks = match recorder.carry_out(looks).await {
                Carried::Recorded => return,
                Carried::Put => Vec::new(),
                Carried::Nothing(looks) => looks,
            };
        }
        let looks = looks.into_iter().map(wanted);
        self.reader.carry_out(looks.collect()).await;
        // The next batch is looked up when the writer has taken this one: so both work at the same time, on batches of
        // the same size.
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

/// How a batch was carried out.
enum Carried {
    /// All looks were recorded, or refused.
    Recorded,
    /// Some wait for the writer.
    Put,
    /// Not at all.
    Nothing(Vec<Look>),
}

/// Reads credentials, and in the same statement records the looks at those that are as they were seen before.
pub(crate) struct Recorder {
    database: Database,
    lane: Lane,
    new_lane: NewLane,
    seen: Remembered,
}

/// A row that was opened.
#[derive(Clone, Copy, PartialEq)]
struct SeenRow {
    /// The number of the transaction that wrote it: see [`crate::sql::look`].
    written_by: i64,
    version: i64,
    key_generation: i32,
}

impl SeenRow {
    fn of(row: &Row) -> StoreResult<Self> {
        Ok(Self {
            written_by: get(row, "written_by")?,
            version: get(row, "version")?,
            key_generation: get(row, "key_generation")?,
        })
    }
}

/// Most credentials of which it is remembered which row was seen: half of them lately, half before.
const MAX_REMEMBERED: usize = 50_000;

/// Which rows were seen.
#[derive(Default)]
struct Remembered {
    lately: HashMap<Key, SeenRow>,
    before: HashMap<Key, SeenRow>,
}

impl Remembered {
    fn get(&self, key: &Key) -> Option<SeenRow> {
        let row = self.lately.get(key).or_else(|| self.before.get(key));
        row.copied()
    }

    fn put(&mut self, key: Key, row: SeenRow) {
        if self.lately.len() >= MAX_REMEMBERED / 2 && !self.lately.contains_key(&key) {
            self.before = std::mem::take(&mut self.lately);
        }
        self.lately.insert(key, row);
    }

    fn remove(&mut self, key: &Key) {
        self.lately.remove(key);
        self.before.remove(key);
    }
}

/// The credentials that a batch of looks is about, each once, with the row that was seen before.
type Expected = HashMap<Key, Option<SeenRow>>;

/// What a batch of looks has read, and of which organisations it has recorded all looks.
struct Read {
    found: Found<Credentials>,
    rows: HashMap<Key, SeenRow>,
    recorded: HashSet<OrgId>,
}

impl Recorder {
    /// Reads from and records in `database`.
    pub(crate) fn new(database: Database, new_lane: NewLane) -> StoreResult<Self> {
        Ok(Self {
            database,
            lane: new_lane()?,
            new_lane,
            seen: Remembered::default(),
        })
    }

    async fn carry_out(&mut self, looks: Vec<Look>) -> Carried {
        if looks.is_empty() || self.database.is_sharded() {
            return Carried::Nothing(looks);
        }
        match self.read(&looks).await {
            Ok(read) => {
                let mut carried = Carried::Recorded;
                for look in looks {
                    if !self.show(look, &read) {
                        carried = Carried::Put;
                    }
                }
                carried
            }
            Err(
                error @ (StoreError::Unavailable(_)
                | StoreError::PartUnavailable(_)
                | StoreError::OutcomeUnknown(_)),
            ) => {
                for look in looks {
                    look.refuse(StoreError::Unavailable(error.to_string()));
                }
                Carried::Recorded
            }
            Err(error) => {
                tracing::debug!(%error, looks = looks.len(), "a batch of looks is read first, then recorded");
                Carried::Nothing(looks)
            }
        }
    }

    // Whether it was recorded. What could not be opened is forgotten, so that it is not expected again.
    fn show(&mut self, look: Look, read: &Read) -> bool {
        let key = look.key();
        let seen = look
            .viewer
            .look(one_of::<Credentials>(&read.found, key.0, key.1));
        let opened = matches!(&seen, Ok(seen) if seen.outcome == Outcome::Ok);
        match read.rows.get(&key) {
            Some(row) if opened => self.seen.put(key, *row),
            _ => self.seen.remove(&key),
        }
        let recorded = opened && read.recorded.contains(&key.0);
        match recorded {
            true => drop(look.reply.send(Ok(Committed::default()))),
            false => look.record(seen),
        }
        recorded
    }

    async fn read(&mut self, looks: &[Look]) -> StoreResult<Read> {
        let database = self.database.clone();
        let expected: Expected = looks
            .iter()
            .map(|look| (look.key(), self.seen.get(&look.key())))
            .collect();
        let recordable = recordable(looks, &expected);
        let scopes: Vec<OrgScope> = looks.iter().map(|look| look.scope).collect();
        if self.lane.must_recover(recordable.iter().copied()) {
            within(&database, self.recover(&scopes, &recordable)).await?;
        }
        let mut chained = self.lane.chain(events(looks, &expected, &recordable))?;
        let transaction = within(&database, OrgTransaction::begin(&database, &scopes)).await?;
        let looked = {
            let (orgs, ids) = expected.keys().map(|(org, id)| (org.0, id.0)).unzip();
            let rows = expected.values();
            let rows = rows.map(|row| (row.map(|row| row.written_by), row.map(|row| row.version)));
            let (written_by, versions) = rows.unzip();
            let looks = Looks {
                orgs,
                ids,
                written_by,
                versions,
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

    async fn recover(&mut self, scopes: &[OrgScope], orgs: &HashSet<OrgId>) -> StoreResult<()> {
        let transaction = OrgTransaction::begin(&self.database, scopes).await?;
        self.lane
            .recover(&transaction, orgs.iter().copied())
            .await?;
        transaction.finish().await
    }
}

/// The organisations of which it is known how all looks end, should the rows be as expected. None when that is less than
/// half of the looks: answered at different times, they would come back in smaller batches.
fn recordable(looks: &[Look], expected: &Expected) -> HashSet<OrgId> {
    let known = |look: &&Look| {
        let row = expected.get(&look.key()).copied().flatten();
        row.is_some_and(|row| look.viewer.has_key(row.key_generation))
    };
    let unknown = looks.iter().filter(|look| !known(look));
    let unknown: HashSet<OrgId> = unknown.map(|look| look.scope.org()).collect();
    let orgs = looks.iter().map(|look| look.scope.org());
    let orgs: Vec<OrgId> = orgs.filter(|org| !unknown.contains(org)).collect();
    match 2 * orgs.len() < looks.len() {
        true => HashSet::new(),
        false => orgs.into_iter().collect(),
    }
}

/// The events of the looks at the credentials of `orgs`, should the rows be as expected.
fn events(
    looks: &[Look],
    expected: &Expected,
    orgs: &HashSet<OrgId>,
) -> Vec<(OrgScope, Cow<'static, Event>)> {
    let looks = looks.iter().filter(|look| orgs.contains(&look.scope.org()));
    let events = looks.map(|look| {
        let row = expected.get(&look.key()).copied().flatten();
        let seen = Seen {
            outcome: Outcome::Ok,
            version: row.map(|row| row.version),
        };
        (look.scope, Cow::Owned(look.event.clone().of_look(seen)))
    });
    events.collect()
}

impl Read {
    // The statement has recorded the looks of the organisations all of whose rows are as expected.
    fn of(rows: &[Row], expected: &Expected, mut recorded: HashSet<OrgId>) -> StoreResult<Self> {
        let mut present = HashMap::with_capacity(rows.len());
        for row in rows {
            let key = (
                OrgId(get(row, "org_id")?),
                CredentialId(get(row, "cred_id")?),
            );
            present.insert(key, SeenRow::of(row)?);
        }
        for (key, row) in expected {
            let seen = |row: SeenRow| (row.written_by, row.version);
            if row.map(seen) != present.get(key).copied().map(seen) {
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
