//! Transactions under row-level security.

pub(crate) mod commit;
pub(crate) mod statement;

use std::time::Duration;

use deadpool_postgres::Object;
use futures_util::FutureExt;
use futures_util::future::{try_join, try_join_all, try_join3};
use parking_lot::{Mutex, MutexGuard};
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

/// Additional time to wait for the response to COMMIT, beyond the statement timeout. PostgreSQL
/// cancels a statement at its timeout, and then nothing is written. Without a response the outcome
/// is unknown.
const GRACE: Duration = Duration::from_millis(500);

/// A transaction that sees the rows of given organizations and no others.
///
/// The connection returns to the pool only after COMMIT or ROLLBACK. If the transaction is dropped
/// before (an error, a deadline, a disconnected caller), the connection closes and PostgreSQL rolls
/// back.
pub(crate) struct OrgTransaction {
    client: Option<Object>,
    /// The scope, until BEGIN is sent together with the first statement.
    pending_scope: Mutex<Option<String>>,
    commit_timeout: Duration,
    sharded: bool,
    health: DatabaseHealth,
}

impl OrgTransaction {
    pub(crate) async fn begin(database: &Database, scopes: &[OrgScope]) -> StoreResult<Self> {
        Self::open(database, sql::scope(&orgs(scopes))).await
    }

    /// Runs independent queries in one round trip, and returns the rows of each. Every query is a
    /// transaction of its own, unless the database is sharded.
    pub(crate) async fn read(
        database: &Database,
        scopes: &[OrgScope],
        statements: &[Bound<'_>],
    ) -> StoreResult<Vec<Vec<Row>>> {
        let mut transaction = Self::begin(database, scopes).await?;
        let rows = match transaction.sharded {
            true => transaction.read_together(statements).await?,
            false => transaction.read_separately(statements).await?,
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

    async fn read_separately(&self, statements: &[Bound<'_>]) -> StoreResult<Vec<Vec<Row>>> {
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

    /// A transaction that sees the rows of `organizations` and `rotations` of every organization,
    /// and no other rows.
    pub(crate) async fn begin_listing(database: &Database) -> StoreResult<Self> {
        Self::open(database, sql::LISTING.into()).await
    }

    async fn open(database: &Database, scope: String) -> StoreResult<Self> {
        Ok(Self {
            client: Some(database.client().await?),
            pending_scope: Mutex::new(Some(scope)),
            commit_timeout: database.statement_timeout + GRACE,
            sharded: database.is_sharded(),
            health: database.health.clone(),
        })
    }

    /// Sends `work`, preceded by BEGIN and the scope if the transaction has not begun, all in one
    /// round trip. `work` must send its message when it is first polled.
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
        // A cluster sends its workers the whole string that contains a setting.
        let enter = sql::enter(&scope);
        let begun = (client.batch_execute("begin"), client.batch_execute(&enter));
        let (_, _, done) = try_join3(begun.0, begun.1, work).await?;
        Ok(done)
    }

    /// Takes the scope, which the caller must enter at once; `None` if the transaction has begun.
    fn take_scope(&self) -> Option<String> {
        self.pending_scope().take()
    }

    fn has_begun(&self) -> bool {
        self.pending_scope().is_none()
    }

    fn pending_scope(&self) -> MutexGuard<'_, Option<String>> {
        self.pending_scope.lock()
    }

    /// Switches to the rows of `scope`; those of the former scope are no longer visible.
    pub(crate) async fn enter(&self, scope: OrgScope) -> StoreResult<()> {
        self.run(&sql::enter(&sql::scope(&[scope.org().0]))).await
    }

    /// Runs statements without parameters and result rows.
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

    /// Runs statements in order, and returns the rows of each. It takes one round trip if all of
    /// them are already prepared on this connection.
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

    /// Inserts rows, whose parameters are concatenated in `params`. Returns the rows of the
    /// statement's RETURNING clause.
    pub(crate) async fn insert(
        &self,
        insert: &sql::Insert,
        params: &[&(dyn ToSql + Sync)],
    ) -> StoreResult<Vec<Row>> {
        let rows = self.run_all(&insert.bound(params)).await?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// Rolls back a transaction that only read, or whose writes are to be discarded.
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

/// Runs `work` within the database's statement timeout.
///
/// # Errors
/// [`StoreError::PartUnavailable`] if it takes longer: the whole database or a part of it may be
/// unavailable.
pub(crate) fn with_deadline<T>(
    database: &Database,
    work: impl Future<Output = StoreResult<T>>,
) -> impl Future<Output = StoreResult<T>> {
    let worked = tokio::time::timeout(database.statement_timeout, work.instrument(span()));
    worked.map(|ended| {
        let worked = ended.unwrap_or_else(|_| {
            let why = "the database did not answer in time";
            database.health.timed_out(why);
            Err(StoreError::PartUnavailable(why.into()))
        });
        worked.inspect_err(|error| database.health.transaction_failed(error))
    })
}

// Work for a whole batch belongs to no request's trace; the batch's members have their own spans.
fn span() -> Span {
    match trace_parent() {
        request if request.is_none() => request,
        request => tracing::info_span!(target: TRACE, parent: &request, "database"),
    }
}
