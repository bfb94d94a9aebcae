use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use deadpool_postgres::Object;
use futures_util::future::{join, maybe_done, try_join, try_join_all};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::replication::WalPosition;
use strongroom_domain::store::{StoreError, StoreResult};
use strongroom_domain::trace::{TRACE, trace_parent};
use tokio_postgres::types::{PgLsn, ToSql};
use tokio_postgres::{Row, Statement};
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::database::Database;
use crate::error::store_error;
use crate::sql;
use crate::sql::operations as op_sql;
use crate::watched::Watched;

/// How much longer than a statement may take its answer is waited for, where COMMIT was sent along: PostgreSQL ends the
/// statement at that limit by itself, and then nothing is written, while without an answer nobody knows.
const GRACE: Duration = Duration::from_millis(500);

/// A transaction that sees the rows of given organisations and no others.
///
/// Its connection goes back to the pool only after COMMIT or ROLLBACK; dropped in between (an error, a
/// deadline, a caller that went away) it closes, and PostgreSQL rolls back.
pub(crate) struct OrgTransaction {
    client: Option<Object>,
    /// What begins it: sent together with its first statement.
    start: Mutex<Option<String>>,
    commit_timeout: Duration,
    watched: Watched,
}

impl OrgTransaction {
    pub(crate) async fn begin(database: &Database, scopes: &[OrgScope]) -> StoreResult<Self> {
        Self::open(database, &sql::enter(&orgs(scopes))).await
    }

    /// Reads with statements that do not need each other's answers, in a transaction of its own that takes one round
    /// trip; the rows of each.
    pub(crate) async fn read(
        database: &Database,
        scopes: &[OrgScope],
        statements: &[Bound<'_>],
    ) -> StoreResult<Vec<Vec<Row>>> {
        let mut transaction = Self::begin(database, scopes).await?;
        let client = transaction.client()?;
        let ready = prepare_all(client, statements).await;
        let ready = ready.map_err(|e| transaction.watched.failed(&e))?;
        let read = try_join(query_all(client, &ready), client.batch_execute("ROLLBACK"));
        let (rows, ()) = transaction.send(read).await?;
        transaction.watched.has_read();
        transaction.client.take();
        Ok(rows)
    }

    /// A transaction that sees every organisation's name, and nothing else of any.
    pub(crate) async fn begin_listing(database: &Database) -> StoreResult<Self> {
        Self::open(database, sql::ENTER_LISTING).await
    }

    async fn open(database: &Database, enter: &str) -> StoreResult<Self> {
        Ok(Self {
            client: Some(database.client().await?),
            start: Mutex::new(Some(format!("begin; {enter}"))),
            commit_timeout: database.statement_timeout + GRACE,
            watched: database.watched.clone(),
        })
    }

    /// Sends `work`, and before it what begins the transaction unless that was sent: PostgreSQL answers all in one
    /// round trip. `work` has to send when it is first polled.
    async fn send<T>(
        &self,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> StoreResult<T> {
        let sent = self.send_on(self.client()?, work).await;
        sent.map_err(|e| self.watched.failed(&e))
    }

    async fn send_on<T>(
        &self,
        client: &Object,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, tokio_postgres::Error> {
        let start = self.not_started().take();
        let Some(start) = start else {
            return work.await;
        };
        let ((), done) = try_join(client.batch_execute(&start), work).await?;
        Ok(done)
    }

    fn not_started(&self) -> MutexGuard<'_, Option<String>> {
        self.start.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves on to the rows of `scope`, and away from those seen before.
    pub(crate) async fn enter(&self, scope: OrgScope) -> StoreResult<()> {
        self.run(&sql::enter(&[scope.org().0])).await
    }

    /// Runs statements that take no parameters and give no rows.
    pub(crate) async fn run(&self, sql: &str) -> StoreResult<()> {
        self.send(self.client()?.batch_execute(sql)).await
    }

    fn client(&self) -> StoreResult<&Object> {
        self.client
            .as_ref()
            .ok_or_else(|| StoreError::Internal("the transaction has ended".into()))
    }

    pub(crate) async fn query(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> StoreResult<Vec<Row>> {
        let client = self.client()?;
        let statement = self.prepared(sql).await?;
        self.send(client.query(&statement, params)).await
    }

    pub(crate) async fn execute(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> StoreResult<u64> {
        let client = self.client()?;
        let statement = self.prepared(sql).await?;
        self.send(client.execute(&statement, params)).await
    }

    async fn prepared(&self, sql: &str) -> StoreResult<Statement> {
        let prepared = self.client()?.prepare_cached(sql).await;
        prepared.map_err(|e| self.watched.failed(&e))
    }

    /// Runs statements in their order, in one round trip once each has been prepared on this connection; the rows
    /// of each.
    pub(crate) async fn run_all(&self, statements: &[Bound<'_>]) -> StoreResult<Vec<Vec<Row>>> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let client = self.client()?;
        let ready = prepare_all(client, statements).await;
        let ready = ready.map_err(|e| self.watched.failed(&e))?;
        self.send(query_all(client, &ready)).await
    }

    /// Inserts rows whose parameters stand one after another in `params`; gives what the statement returns.
    pub(crate) async fn insert(
        &self,
        insert: &sql::Insert,
        params: &[&(dyn ToSql + Sync)],
    ) -> StoreResult<Vec<Row>> {
        let rows = self.run_all(&insert.bound(params)).await?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// Ends a transaction that wrote: what it wrote is durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::OutcomeUnknown`] when no answer to COMMIT came.
    pub(crate) async fn commit(self) -> StoreResult<()> {
        self.commit_with(&[], false).await.map(drop)
    }

    /// The same, and where the commit ends in the log, if that could still be learnt.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub(crate) async fn commit_at(self) -> StoreResult<Option<WalPosition>> {
        self.commit_with(&[], true).await
    }

    /// Runs statements whose rows nobody needs, and ends the transaction, all in one round trip. COMMIT is sent along:
    /// when a statement has failed, PostgreSQL rolls back instead. With the `position`, as [`Self::commit_at`].
    ///
    /// # Errors
    /// What a statement failed for; as [`Self::commit`].
    pub(crate) async fn commit_with(
        mut self,
        statements: &[Bound<'_>],
        position: bool,
    ) -> StoreResult<Option<WalPosition>> {
        if statements.is_empty() && self.not_started().is_some() {
            self.client.take();
            return Ok(None);
        }
        let ended = tokio::time::timeout(self.commit_timeout, self.end(statements, position));
        let committed = ended.await.unwrap_or_else(|_| {
            let why = "no answer to COMMIT in time";
            self.watched.late(why);
            Err(StoreError::OutcomeUnknown(why.into()))
        });
        match &committed {
            Ok(_) => {
                self.watched.has_written();
                self.client.take();
            }
            Err(error) => self.watched.ended(error),
        }
        committed
    }

    async fn end(
        &self,
        statements: &[Bound<'_>],
        position: bool,
    ) -> StoreResult<Option<WalPosition>> {
        let client = self.client()?;
        let ready = prepare_all(client, statements).await;
        let ready = ready.map_err(|e| self.watched.failed(&e))?;
        let mut run = pin!(maybe_done(self.send_on(client, query_all(client, &ready))));
        // What cannot even be sent fails at once, and then COMMIT must not follow.
        poll_fn(|cx| {
            let _ = run.as_mut().poll(cx);
            Poll::Ready(())
        })
        .await;
        if let Some(Err(error)) = run.as_mut().output_mut() {
            return Err(self.watched.failed(error));
        }
        let (_, committed) = join(&mut run, commit(client, position)).await;
        match (run.take_output().transpose(), committed) {
            (Ok(_), Ok(position)) => Ok(position),
            (Ok(_), Err(error)) => {
                self.watched.failed(&error);
                Err(commit_error(&error))
            }
            (Err(error), Err(_)) if error.as_db_error().is_none() => {
                let told = self.watched.failed(&error);
                Err(StoreError::OutcomeUnknown(told.to_string()))
            }
            (Err(error), _) => Err(self.watched.failed(&error)),
        }
    }

    /// Ends a transaction that only read, or that shall leave nothing behind.
    pub(crate) async fn finish(mut self) -> StoreResult<()> {
        if self.not_started().is_none() {
            let ended = self.client()?.batch_execute("ROLLBACK").await;
            ended.map_err(|e| self.watched.failed(&e))?;
            self.watched.has_read();
        }
        self.client.take();
        Ok(())
    }
}

impl Drop for OrgTransaction {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }
}

// Asked for the position, it is sent right behind COMMIT: PostgreSQL answers both in one round trip.
async fn commit(
    client: &Object,
    position: bool,
) -> Result<Option<WalPosition>, tokio_postgres::Error> {
    if !position {
        client.batch_execute("COMMIT").await?;
        return Ok(None);
    }
    let flushed = client.prepare_cached(op_sql::FLUSHED).await?;
    let (committed, flushed) = join(
        client.batch_execute("COMMIT"),
        client.query_one(&flushed, &[]),
    )
    .await;
    committed?;
    let position = flushed.ok().and_then(|row| row.try_get("position").ok());
    Ok(position.map(|position: PgLsn| WalPosition(position.into())))
}

async fn prepare_all<'b>(
    client: &Object,
    statements: &'b [Bound<'_>],
) -> Result<Vec<(Statement, &'b Bound<'b>)>, tokio_postgres::Error> {
    let mut ready = Vec::with_capacity(statements.len());
    for bound in statements {
        ready.push((client.prepare_cached(bound.sql).await?, bound));
    }
    Ok(ready)
}

async fn query_all(
    client: &Object,
    statements: &[(Statement, &Bound<'_>)],
) -> Result<Vec<Vec<Row>>, tokio_postgres::Error> {
    let sent = statements
        .iter()
        .map(|(statement, bound)| client.query(statement, &bound.params));
    try_join_all(sent).await
}

/// A statement with its parameters.
pub(crate) struct Bound<'a> {
    pub(crate) sql: &'a str,
    pub(crate) params: Vec<&'a (dyn ToSql + Sync)>,
}

impl sql::Insert {
    /// The statements that insert rows whose parameters stand one after another in `params`.
    pub(crate) fn bound<'a>(&self, mut params: &[&'a (dyn ToSql + Sync)]) -> Vec<Bound<'a>> {
        let mut statements = Vec::new();
        while !params.is_empty() {
            let (rows, sql) = self.for_rows(params.len() / self.columns);
            let (now, rest) = params.split_at(rows * self.columns);
            let params_now = now.to_vec();
            statements.push(Bound {
                sql,
                params: params_now,
            });
            params = rest;
        }
        statements
    }
}

fn orgs(scopes: &[OrgScope]) -> Vec<Uuid> {
    let mut orgs: Vec<Uuid> = scopes.iter().map(|scope| scope.org().0).collect();
    orgs.sort_unstable();
    orgs.dedup();
    orgs
}

// A session that is ended by force may have committed before it could say so.
fn commit_error(error: &tokio_postgres::Error) -> StoreError {
    match (error.as_db_error(), store_error(error)) {
        (
            Some(_),
            definite @ (StoreError::Conflict | StoreError::Contended(_) | StoreError::Internal(_)),
        ) => definite,
        (_, other) => StoreError::OutcomeUnknown(other.to_string()),
    }
}

/// Runs `work` within the database's time limit.
///
/// # Errors
/// [`StoreError::PartUnavailable`] when it takes longer: what it waited for may be all of the database or a part.
pub(crate) async fn within<T>(
    database: &Database,
    work: impl Future<Output = StoreResult<T>>,
) -> StoreResult<T> {
    let worked = tokio::time::timeout(database.statement_timeout, work.instrument(span()));
    let worked = worked.await.unwrap_or_else(|_| {
        let why = "the database did not answer in time";
        database.watched.late(why);
        Err(StoreError::PartUnavailable(why.into()))
    });
    worked.inspect_err(|error| database.watched.ended(error))
}

// What is done for a whole batch belongs to no request's trace; its members have spans of their own.
fn span() -> Span {
    match trace_parent() {
        request if request.is_none() => request,
        request => tracing::info_span!(target: TRACE, parent: &request, "database"),
    }
}
