//! Transactions under row-level security.

pub(crate) mod commit;
pub(crate) mod statement;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool_postgres::Object;
use futures_util::future::{try_join, try_join_all};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::trace::{TRACE, trace_parent};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::connect::database::Database;
use crate::connect::health::DatabaseHealth;
use crate::sql;
use crate::transaction::statement::Bound;

/// How much longer than a statement may take its answer is waited for, where COMMIT was sent along: PostgreSQL ends the
/// statement at that limit by itself, and then nothing is written, while without an answer nobody knows.
const GRACE: Duration = Duration::from_millis(500);

/// A transaction that sees the rows of given organizations and no others.
///
/// Its connection goes back to the pool only after COMMIT or ROLLBACK; dropped in between (an error, a
/// deadline, a caller that went away) it closes, and PostgreSQL rolls back.
pub(crate) struct OrgTransaction {
    client: Option<Object>,
    /// Its scope, until it has begun: BEGIN is sent together with its first statement.
    scope: Mutex<Option<String>>,
    commit_timeout: Duration,
    sharded: bool,
    health: DatabaseHealth,
}

impl OrgTransaction {
    pub(crate) async fn begin(database: &Database, scopes: &[OrgScope]) -> StoreResult<Self> {
        Self::open(database, sql::scope(&orgs(scopes))).await
    }

    /// Reads with statements that do not need each other's answers, in one round trip; the rows of each. Each is a
    /// transaction of its own, unless the database is sharded.
    pub(crate) async fn read(
        database: &Database,
        scopes: &[OrgScope],
        statements: &[Bound<'_>],
    ) -> StoreResult<Vec<Vec<Row>>> {
        let mut transaction = Self::begin(database, scopes).await?;
        let rows = match transaction.sharded {
            true => transaction.read_together(statements).await?,
            false => transaction.read_each_alone(statements).await?,
        };
        transaction.health.has_read();
        transaction.client.take();
        Ok(rows)
    }

    async fn read_together(&self, statements: &[Bound<'_>]) -> StoreResult<Vec<Vec<Row>>> {
        let client = self.client()?;
        let ready = self.prepare_all(statements).await?;
        let read = try_join(query_all(client, &ready), client.batch_execute("ROLLBACK"));
        let (rows, ()) = self.send(read).await?;
        Ok(rows)
    }

    async fn read_each_alone(&self, statements: &[Bound<'_>]) -> StoreResult<Vec<Vec<Row>>> {
        let scope = self.take_scope().unwrap_or_default();
        let texts: Vec<_> = statements.iter().map(Bound::alone).collect();
        let bound = texts.iter().zip(statements).map(|(sql, bound)| {
            let mut params = bound.params.clone();
            params.push(&scope);
            Bound { sql, params }
        });
        let bound: Vec<_> = bound.collect();
        let ready = self.prepare_all(&bound).await?;
        self.send(query_all(self.client()?, &ready)).await
    }

    /// A transaction that sees every organization's name, and nothing else of any.
    pub(crate) async fn begin_listing(database: &Database) -> StoreResult<Self> {
        Self::open(database, sql::LISTING.into()).await
    }

    async fn open(database: &Database, scope: String) -> StoreResult<Self> {
        Ok(Self {
            client: Some(database.client().await?),
            scope: Mutex::new(Some(scope)),
            commit_timeout: database.statement_timeout + GRACE,
            sharded: database.is_sharded(),
            health: database.health.clone(),
        })
    }

    /// Sends `work`, and before it what begins the transaction unless that was sent: PostgreSQL answers all in one
    /// round trip. `work` has to send when it is first polled.
    async fn send<T>(
        &self,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> StoreResult<T> {
        let sent = self.send_on(self.client()?, work).await;
        sent.map_err(|e| self.health.failed(&e))
    }

    async fn send_on<T>(
        &self,
        client: &Object,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, tokio_postgres::Error> {
        let Some(scope) = self.take_scope() else {
            return work.await;
        };
        let begin = format!("begin; {}", sql::enter(&scope));
        let ((), done) = try_join(client.batch_execute(&begin), work).await?;
        Ok(done)
    }

    /// Its scope, which it then has to enter at once; none when it has begun.
    fn take_scope(&self) -> Option<String> {
        self.not_begun().take()
    }

    fn has_begun(&self) -> bool {
        self.not_begun().is_none()
    }

    fn not_begun(&self) -> MutexGuard<'_, Option<String>> {
        self.scope.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves on to the rows of `scope`, and away from those seen before.
    pub(crate) async fn enter(&self, scope: OrgScope) -> StoreResult<()> {
        self.run(&sql::enter(&sql::scope(&[scope.org().0]))).await
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
        prepared.map_err(|e| self.health.failed(&e))
    }

    /// Runs statements in their order, in one round trip once each has been prepared on this connection; the rows
    /// of each.
    pub(crate) async fn run_all(&self, statements: &[Bound<'_>]) -> StoreResult<Vec<Vec<Row>>> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let ready = self.prepare_all(statements).await?;
        self.send(query_all(self.client()?, &ready)).await
    }

    async fn prepare_all<'b>(
        &self,
        statements: &'b [Bound<'_>],
    ) -> StoreResult<Vec<(Statement, &'b Bound<'b>)>> {
        let mut ready = Vec::with_capacity(statements.len());
        for bound in statements {
            ready.push((self.prepared(bound.sql).await?, bound));
        }
        Ok(ready)
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

    /// Ends a transaction that only read, or that shall leave nothing behind.
    pub(crate) async fn finish(mut self) -> StoreResult<()> {
        if self.has_begun() {
            let ended = self.client()?.batch_execute("ROLLBACK").await;
            ended.map_err(|e| self.health.failed(&e))?;
            self.health.has_read();
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

async fn query_all(
    client: &Object,
    statements: &[(Statement, &Bound<'_>)],
) -> Result<Vec<Vec<Row>>, tokio_postgres::Error> {
    let sent = statements
        .iter()
        .map(|(statement, bound)| client.query(statement, &bound.params));
    try_join_all(sent).await
}

fn orgs(scopes: &[OrgScope]) -> Vec<Uuid> {
    let mut orgs: Vec<Uuid> = scopes.iter().map(|scope| scope.org().0).collect();
    orgs.sort_unstable();
    orgs.dedup();
    orgs
}

/// Runs `work` within the database's time limit.
///
/// # Errors
/// [`StoreError::PartUnavailable`] when it takes longer: what it waited for may be all of the database or a part.
pub(crate) async fn with_deadline<T>(
    database: &Database,
    work: impl Future<Output = StoreResult<T>>,
) -> StoreResult<T> {
    let worked = tokio::time::timeout(database.statement_timeout, work.instrument(span()));
    let worked = worked.await.unwrap_or_else(|_| {
        let why = "the database did not answer in time";
        database.health.late(why);
        Err(StoreError::PartUnavailable(why.into()))
    });
    worked.inspect_err(|error| database.health.ended(error))
}

// What is done for a whole batch belongs to no request's trace; its members have spans of their own.
fn span() -> Span {
    match trace_parent() {
        request if request.is_none() => request,
        request => tracing::info_span!(target: TRACE, parent: &request, "database"),
    }
}
