//! Looks at credentials, each recorded before its answer leaves. An event tells what was seen, and its MAC covers that, so
//! that it can only be made once that is known: the row is read, and then the writer records it. When the server has
//! nothing else to do, that takes longer than it must. Of a credential that was opened before, it is known already: if its
//! row is still the same, the look ends as it did then. So one statement reads the row and records the look if it is.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use strongroom_domain::audit::{Event, Outcome};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::last_use::StoredCredential;
use strongroom_domain::store::{Committed, Seen, StoreError, StoreResult, Tracking, Viewer};
use strongroom_domain::{CredentialId, OrgId};
use tokio_postgres::Row;
use tracing::Span;

use crate::audit::{Chained, Lane};
use crate::database::Database;
use crate::gather::{Gather, Member, Reply, Worker};
use crate::reader::{Asker, Credentials, Found, Reader, Wanted, found, one_of};
use crate::rows::get;
use crate::statement::{Recording, SingleLook};
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
        if let (Some(recorder), 1) = (&mut self.recorder, looks.len()) {
            let mut given_back = Vec::new();
            for look in looks {
                given_back.extend(recorder.carry_out(look).await);
            }
            looks = given_back;
        }
        if looks.is_empty() {
            return;
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

/// Carries out looks that came alone: reads the credential, and in the same statement records the look if the row is as
/// it was seen before.
pub(crate) struct Recorder {
    database: Database,
    lane: Lane,
    new_lane: NewLane,
    seen: HashMap<Key, SeenRow>,
}

/// Most credentials of which it is remembered which row was seen.
const MAX_REMEMBERED: usize = 50_000;

/// A row that was opened.
#[derive(Clone, Copy)]
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

    fn is_same_as(self, other: Self) -> bool {
        (self.written_by, self.version) == (other.written_by, other.version)
    }
}

/// What there is of a credential, and whether the look at it was recorded.
struct Read {
    found: Found<Credentials>,
    row: Option<SeenRow>,
    recorded: bool,
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

    /// Carries out and answers `look`, unless it gives it back.
    async fn carry_out(&mut self, look: Look) -> Option<Look> {
        if self.database.is_sharded() {
            return Some(look);
        }
        match self.read(&look).await {
            Ok(read) => {
                self.show(look, &read);
                None
            }
            Err(
                error @ (StoreError::Unavailable(_)
                | StoreError::PartUnavailable(_)
                | StoreError::OutcomeUnknown(_)),
            ) => {
                look.refuse(StoreError::Unavailable(error.to_string()));
                None
            }
            Err(error) => {
                tracing::debug!(%error, "a look is read first, then recorded");
                Some(look)
            }
        }
    }

    // What could not be opened is not remembered, so that it is not expected again.
    fn show(&mut self, look: Look, read: &Read) {
        let key = look.key();
        let seen = look
            .viewer
            .look(one_of::<Credentials>(&read.found, key.0, key.1));
        let opened = matches!(&seen, Ok(seen) if seen.outcome == Outcome::Ok);
        match read.row {
            Some(row) if opened => self.remember(key, row),
            _ => drop(self.seen.remove(&key)),
        }
        match opened && read.recorded {
            true => drop(look.reply.send(Ok(Committed::default()))),
            false => look.record(seen),
        }
    }

    fn remember(&mut self, key: Key, row: SeenRow) {
        if self.seen.len() >= MAX_REMEMBERED && !self.seen.contains_key(&key) {
            self.seen.clear();
        }
        self.seen.insert(key, row);
    }

    async fn read(&mut self, look: &Look) -> StoreResult<Read> {
        let database = self.database.clone();
        let expected = self.seen.get(&look.key()).copied();
        let expected = expected.filter(|row| look.viewer.has_key(row.key_generation));
        let mut chained = match expected {
            Some(row) => Some(within(&database, self.chain(look, row)).await?),
            None => None,
        };
        let scopes = [look.scope];
        let transaction = within(&database, OrgTransaction::begin(&database, &scopes)).await?;
        let recording = expected.zip(chained.as_ref());
        let single = SingleLook {
            org: look.scope.org().0,
            id: look.id.0,
            recording: recording.map(|(row, chained)| Recording {
                written_by: row.written_by,
                version: row.version,
                event: chained.params(),
            }),
        };
        let looked = transaction.look(&single).await;
        drop(single);
        let read = looked.and_then(|row| Read::of(row.as_ref(), expected));
        match (&read, chained.take()) {
            (Ok(read), Some(chained)) if read.recorded => self.lane.committed(chained.appended),
            (Ok(_), _) => {}
            (Err(error), _) => match (error, (self.new_lane)()) {
                // The statement may still commit, however late: see the writer's.
                (StoreError::OutcomeUnknown(_), Ok(lane)) => self.lane = lane,
                _ => self.lane.forget(scopes.into_iter()),
            },
        }
        read
    }

    /// The event of a look at `row`, at its place in the lane.
    async fn chain(&mut self, look: &Look, row: SeenRow) -> StoreResult<Chained<'static>> {
        let org = look.scope.org();
        if self.lane.must_recover(org) {
            let transaction = OrgTransaction::begin(&self.database, &[look.scope]).await?;
            self.lane
                .recover(&transaction, std::iter::once(org))
                .await?;
            transaction.finish().await?;
        }
        let seen = Seen {
            outcome: Outcome::Ok,
            version: Some(row.version),
        };
        let event = look.event.clone().of_look(seen);
        self.lane.chain(vec![(look.scope, Cow::Owned(event))])
    }
}

impl Read {
    // The statement has come to the same conclusion about the row.
    fn of(row: Option<&Row>, expected: Option<SeenRow>) -> StoreResult<Self> {
        let seen = row.map(SeenRow::of).transpose()?;
        let same = seen.zip(expected);
        Ok(Self {
            found: found::<Credentials>(row.into_iter())?,
            row: seen,
            recorded: same.is_some_and(|(seen, expected)| seen.is_same_as(expected)),
        })
    }
}
