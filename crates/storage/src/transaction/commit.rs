//! How a transaction ends that wrote.

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

/// How a transaction ended that has committed.
#[derive(Default)]
pub(crate) struct Ended {
    /// Where in the log, if that was asked for and could be learned.
    pub(crate) position: Option<WalPosition>,
    /// The epoch of organizations' keys that its check saw.
    pub(crate) epoch: Option<Uuid>,
}

impl OrgTransaction {
    /// Ends a transaction that wrote: what it wrote is durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::OutcomeUnknown`] when no answer to COMMIT came.
    pub(crate) async fn commit(self) -> StoreResult<()> {
        self.commit_with(&[], false).await.map(drop)
    }

    /// The same, and where the commit ends in the log, if that could still be learned.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub(crate) async fn commit_at(self) -> StoreResult<Option<WalPosition>> {
        let ended = self.commit_with(&[], true).await?;
        Ok(ended.position)
    }

    /// Takes steps whose rows nobody needs, and ends the transaction, all in one round trip. One that has not begun yet
    /// is a single statement, unless the database is sharded. Else COMMIT is sent along: when a step has failed,
    /// PostgreSQL rolls back instead. With the `position`, as [`Self::commit_at`].
    ///
    /// # Errors
    /// What a step failed for; as [`Self::commit`].
    pub(crate) async fn commit_with(
        mut self,
        steps: &[Step<'_>],
        position: bool,
    ) -> StoreResult<Ended> {
        if steps.is_empty() && !self.has_begun() {
            self.client.take();
            return Ok(Ended::default());
        }
        let ended = tokio::time::timeout(self.commit_timeout, self.end(steps, position));
        let committed = ended.await.unwrap_or_else(|_| {
            let why = "no answer to COMMIT in time";
            self.health.late(why);
            Err(StoreError::OutcomeUnknown(why.into()))
        });
        match &committed {
            Ok(_) => {
                self.health.has_written();
                self.client.take();
            }
            Err(error) => self.health.ended(error),
        }
        committed
    }

    async fn end(&self, steps: &[Step<'_>], position: bool) -> StoreResult<Ended> {
        let alone = !self.sharded && !steps.is_empty();
        let scope = if alone { self.take_scope() } else { None };
        match scope {
            Some(scope) => self.end_alone(&scope, steps, position).await,
            None => self.end_begun(steps, position).await,
        }
    }

    async fn end_alone(
        &self,
        scope: &str,
        steps: &[Step<'_>],
        position: bool,
    ) -> StoreResult<Ended> {
        let client = self.client()?;
        let together = Together::of(&scope, steps);
        let statement = self.prepared(&together.sql).await?;
        let params = together.params();
        let run = client.query(&statement, &params);
        let ended = and_position(client, run, position).await;
        let ended = ended.map(|(rows, position)| Ended {
            position,
            epoch: rows.first().and_then(|row| row.try_get("epoch").ok()),
        });
        ended.map_err(|error| {
            let told = self.health.failed(&error);
            match is_definite(&error) {
                true => told,
                false => StoreError::OutcomeUnknown(told.to_string()),
            }
        })
    }

    async fn end_begun(&self, steps: &[Step<'_>], position: bool) -> StoreResult<Ended> {
        let client = self.client()?;
        let statements: Vec<_> = steps.iter().flat_map(Step::statements).collect();
        let ready = self.prepare_all(&statements).await?;
        let mut run = pin!(maybe_done(self.send_on(client, query_all(client, &ready))));
        // What cannot even be sent fails at once, and then COMMIT must not follow.
        poll_fn(|cx| {
            let _ = run.as_mut().poll(cx);
            Poll::Ready(())
        })
        .await;
        if let Some(Err(error)) = run.as_mut().output_mut() {
            return Err(self.health.failed(error));
        }
        let commit = and_position(client, client.batch_execute("COMMIT"), position);
        let (_, committed) = join(&mut run, commit).await;
        match (run.take_output().transpose(), committed) {
            (Ok(_), Ok(((), position))) => Ok(Ended {
                position,
                epoch: None,
            }),
            (Ok(_), Err(error)) => {
                self.health.failed(&error);
                Err(commit_error(&error))
            }
            (Err(error), Err(_)) if error.as_db_error().is_none() => {
                let told = self.health.failed(&error);
                Err(StoreError::OutcomeUnknown(told.to_string()))
            }
            (Err(error), _) => Err(self.health.failed(&error)),
        }
    }
}

// Asked for the position, that is sent right behind what commits: PostgreSQL answers both in one round trip.
async fn and_position<T>(
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

// A session that is ended by force may have committed before it could say so; one that goes on tells the truth.
fn is_definite(error: &tokio_postgres::Error) -> bool {
    let database = error.as_db_error();
    database.is_some_and(|error| error.parsed_severity() == Some(Severity::Error))
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
