//! Commits transactions.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use deadpool_postgres::Object;
use futures_util::future::{join, maybe_done};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::replication::WalPosition;
use tokio_postgres::error::Severity;
use tokio_postgres::types::PgLsn;
use uuid::Uuid;

use crate::connect::error::store_error;
use crate::sql::operations as op_sql;
use crate::transaction::statement::{Step, Together};
use crate::transaction::{OrgTransaction, query_all};

/// The result of a commit.
#[derive(Default)]
pub(crate) struct CommitResult {
    /// The WAL position at or after the end of the commit; `None` if it was not requested or could
    /// not be read.
    pub(crate) position: Option<WalPosition>,
    /// The epoch of organizations' keys that the transaction's check saw.
    pub(crate) epoch: Option<Uuid>,
}

impl OrgTransaction {
    /// Commits. The writes are durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::OutcomeUnknown`] if no response to COMMIT arrived.
    pub(crate) async fn commit(self) -> StoreResult<()> {
        self.commit_with(&[], false).await.map(drop)
    }

    /// Commits, and returns the WAL position at or after the end of the commit, if it could be
    /// read.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub(crate) async fn commit_at(self) -> StoreResult<Option<WalPosition>> {
        let ended = self.commit_with(&[], true).await?;
        Ok(ended.position)
    }

    /// Runs steps without result rows and commits, in one round trip. If the transaction has not
    /// begun and the database is not sharded, all steps are one statement. Otherwise COMMIT is sent
    /// with the steps; if a step fails, PostgreSQL rolls back instead. `position` requests the WAL
    /// position, as in [`Self::commit_at`].
    ///
    /// # Errors
    /// The error of the failed step; as [`Self::commit`].
    pub(crate) async fn commit_with(
        mut self,
        steps: &[Step<'_>],
        position: bool,
    ) -> StoreResult<CommitResult> {
        if steps.is_empty() && !self.has_begun() {
            self.client.take();
            return Ok(CommitResult::default());
        }
        let ended = tokio::time::timeout(self.commit_timeout, self.commit_steps(steps, position));
        let committed = ended.await.unwrap_or_else(|_| {
            let why = "no answer to COMMIT in time";
            self.health.timed_out(why);
            Err(StoreError::OutcomeUnknown(why.into()))
        });
        match &committed {
            Ok(_) => {
                self.health.has_written();
                self.client.take();
            }
            Err(error) => self.health.transaction_failed(error),
        }
        committed
    }

    async fn commit_steps(&self, steps: &[Step<'_>], position: bool) -> StoreResult<CommitResult> {
        let single = !self.sharded && !steps.is_empty();
        let scope = if single { self.take_scope() } else { None };
        match scope {
            Some(scope) => self.commit_as_one_statement(&scope, steps, position).await,
            None => self.commit_begun(steps, position).await,
        }
    }

    async fn commit_as_one_statement(
        &self,
        scope: &str,
        steps: &[Step<'_>],
        position: bool,
    ) -> StoreResult<CommitResult> {
        let client = self.client()?;
        let together = Together::of(&scope, steps);
        let statement = self.prepared(&together.sql).await?;
        let params = together.params();
        let run = client.query(&statement, &params);
        let ended = with_position(client, run, position).await;
        let ended = ended.map(|(rows, position)| CommitResult {
            position,
            epoch: rows.first().and_then(|row| row.try_get("epoch").ok()),
        });
        ended.map_err(|error| {
            let failure = self.health.failed(&error);
            match is_definite(&error) {
                true => failure,
                false => StoreError::OutcomeUnknown(failure.to_string()),
            }
        })
    }

    async fn commit_begun(&self, steps: &[Step<'_>], position: bool) -> StoreResult<CommitResult> {
        let client = self.client()?;
        let statements: Vec<_> = steps.iter().flat_map(Step::statements).collect();
        let ready = self.prepare_all(&statements).await?;
        let mut run = pin!(maybe_done(self.send_on(client, query_all(client, &ready))));
        // A step that cannot be sent fails at the first poll; COMMIT must then not follow.
        poll_fn(|cx| {
            let _ = run.as_mut().poll(cx);
            Poll::Ready(())
        })
        .await;
        if let Some(Err(error)) = run.as_mut().output_mut() {
            return Err(self.health.failed(error));
        }
        let commit = with_position(client, client.batch_execute("COMMIT"), position);
        let (_, committed) = join(&mut run, commit).await;
        match (run.take_output().transpose(), committed) {
            (Ok(_), Ok(((), position))) => Ok(CommitResult {
                position,
                epoch: None,
            }),
            (Ok(_), Err(error)) => {
                self.health.failed(&error);
                Err(commit_error(&error))
            }
            (Err(error), Err(_)) if error.as_db_error().is_none() => {
                let failure = self.health.failed(&error);
                Err(StoreError::OutcomeUnknown(failure.to_string()))
            }
            (Err(error), _) => Err(self.health.failed(&error)),
        }
    }
}

// The query for the position follows the commit in the same round trip.
async fn with_position<T>(
    client: &Object,
    commit: impl Future<Output = Result<T, tokio_postgres::Error>>,
    position: bool,
) -> Result<(T, Option<WalPosition>), tokio_postgres::Error> {
    if !position {
        return Ok((commit.await?, None));
    }
    let flushed = client.prepare_cached(op_sql::FLUSHED).await?;
    let (committed, flushed) = join(commit, client.query_one(&flushed, &[])).await;
    let position = flushed.ok().and_then(|row| row.try_get("position").ok());
    let position = position.map(|position: PgLsn| WalPosition(position.into()));
    Ok((committed?, position))
}

// A terminated session may have committed before it could respond. An error of severity ERROR
// leaves the session running, so the statement has failed.
fn is_definite(error: &tokio_postgres::Error) -> bool {
    let database = error.as_db_error();
    database.is_some_and(|error| error.parsed_severity() == Some(Severity::Error))
}

// A terminated session may have committed before it could respond.
fn commit_error(error: &tokio_postgres::Error) -> StoreError {
    match (error.as_db_error(), store_error(error)) {
        (
            Some(_),
            definite @ (StoreError::Conflict | StoreError::Contended(_) | StoreError::Internal(_)),
        ) => definite,
        (_, other) => StoreError::OutcomeUnknown(other.to_string()),
    }
}
