use std::time::Duration;

use deadpool_postgres::Object;
use futures_util::future::try_join;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::store::{StoreError, StoreResult};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::database::Database;
use crate::error::store_error;
use crate::sql;

/// A transaction that sees the rows of given organisations and no others.
///
/// Its connection goes back to the pool only after COMMIT or ROLLBACK; dropped in between (an error, a
/// deadline, a caller that went away) it closes, and PostgreSQL rolls back.
pub(crate) struct OrgTransaction {
    client: Option<Object>,
    commit_timeout: Duration,
}

impl OrgTransaction {
    pub(crate) async fn begin(database: &Database, scopes: &[OrgScope]) -> StoreResult<Self> {
        let mut orgs: Vec<Uuid> = scopes.iter().map(|scope| scope.org().0).collect();
        orgs.sort_unstable();
        orgs.dedup();
        Self::open(database, sql::ENTER, &[&orgs]).await
    }

    /// A transaction that sees every organisation's name, and nothing else of any.
    pub(crate) async fn begin_listing(database: &Database) -> StoreResult<Self> {
        Self::open(database, sql::ENTER_LISTING, &[]).await
    }

    async fn open(
        database: &Database,
        enter: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> StoreResult<Self> {
        let transaction = Self {
            client: Some(database.client().await?),
            commit_timeout: database.statement_timeout,
        };
        let client = transaction.client()?;
        let enter = client
            .prepare_cached(enter)
            .await
            .map_err(|e| store_error(&e))?;
        // Sent together: PostgreSQL answers both in one round trip.
        try_join(client.batch_execute("BEGIN"), client.query(&enter, params))
            .await
            .map_err(|e| store_error(&e))?;
        Ok(transaction)
    }

    /// Moves on to the rows of `scope`, and away from those seen before.
    pub(crate) async fn enter(&self, scope: OrgScope) -> StoreResult<()> {
        self.query(sql::ENTER, &[&[scope.org().0].as_slice()])
            .await?;
        Ok(())
    }

    /// Runs statements that take no parameters and give no rows.
    pub(crate) async fn run(&self, sql: &str) -> StoreResult<()> {
        let ran = self.client()?.batch_execute(sql).await;
        ran.map_err(|e| store_error(&e))
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
        let statement = client
            .prepare_cached(sql)
            .await
            .map_err(|e| store_error(&e))?;
        client
            .query(&statement, params)
            .await
            .map_err(|e| store_error(&e))
    }

    pub(crate) async fn execute(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> StoreResult<u64> {
        let client = self.client()?;
        let statement = client
            .prepare_cached(sql)
            .await
            .map_err(|e| store_error(&e))?;
        client
            .execute(&statement, params)
            .await
            .map_err(|e| store_error(&e))
    }

    /// Inserts rows whose parameters stand one after another in `params`.
    pub(crate) async fn insert(
        &self,
        insert: &sql::Insert,
        mut params: &[&(dyn ToSql + Sync)],
    ) -> StoreResult<()> {
        while !params.is_empty() {
            let (rows, statement) = insert.for_rows(params.len() / insert.columns);
            let (now, rest) = params.split_at(rows * insert.columns);
            self.execute(statement, now).await?;
            params = rest;
        }
        Ok(())
    }

    /// Ends a transaction that wrote: what it wrote is durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::OutcomeUnknown`] when no answer to COMMIT came.
    pub(crate) async fn commit(mut self) -> StoreResult<()> {
        let commit = self.client()?.batch_execute("COMMIT");
        let committed = match tokio::time::timeout(self.commit_timeout, commit).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(commit_error(&error)),
            Err(_) => Err(StoreError::OutcomeUnknown(
                "no answer to COMMIT in time".into(),
            )),
        };
        if committed.is_ok() {
            self.client.take();
        }
        committed
    }

    /// Ends a transaction that only read, or that shall leave nothing behind.
    pub(crate) async fn finish(mut self) -> StoreResult<()> {
        let ended = self.client()?.batch_execute("ROLLBACK").await;
        ended.map_err(|e| store_error(&e))?;
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
    tokio::time::timeout(database.statement_timeout, work)
        .await
        .unwrap_or_else(|_| {
            Err(StoreError::PartUnavailable(
                "the database did not answer in time".into(),
            ))
        })
}
