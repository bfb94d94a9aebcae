//! Which conditions of a database its answers show.

use std::fmt::Display;
use std::sync::Arc;

use deadpool_postgres::{PoolError, TimeoutType};
use strongroom_domain::health::condition::Condition;
use strongroom_domain::health::counters::{Counters, DatabaseCounts};
use strongroom_domain::ports::error::StoreError;
use tokio_postgres::Error;

use crate::connect::error::{condition, connecting_condition, pool_error, store_error};

/// Notes what becomes of one database's connections and transactions.
#[derive(Clone, Default)]
pub(crate) struct DatabaseHealth {
    pub(crate) counters: Arc<Counters>,
    which: Which,
}

#[derive(Clone, Copy, Default)]
enum Which {
    /// One that nobody is told of: a command's, or one that only tells how far a region is.
    #[default]
    Untold,
    Primary,
    Replica,
}

impl DatabaseHealth {
    /// The primary's, which counts on `counters`.
    pub(crate) fn primary(counters: Arc<Counters>) -> Self {
        let which = Which::Primary;
        Self { counters, which }
    }

    /// That of the region which is read, counting in the same place.
    pub(crate) fn replica(&self) -> Self {
        let which = Which::Replica;
        Self {
            counters: self.counters.clone(),
            which,
        }
    }

    fn counts(&self) -> Option<&DatabaseCounts> {
        match self.which {
            Which::Untold => None,
            Which::Primary => Some(&self.counters.primary),
            Which::Replica => Some(&self.counters.replica),
        }
    }

    fn note(&self, condition: Condition, cause: impl Display) {
        if let Some(counts) = self.counts() {
            counts.conditions.record(condition, cause);
        }
    }

    /// A connection was made, or could not be.
    pub(crate) fn connected(&self, there: bool) {
        match self.counts() {
            Some(counts) if there => counts.connections.succeeded.add(1),
            Some(counts) => counts.connections.failed.add(1),
            None => {}
        }
    }

    /// A statement failed: what that means for whoever asked.
    pub(crate) fn failed(&self, error: &Error) -> StoreError {
        let told = store_error(error);
        if let Some(condition) = condition(error) {
            self.note(condition, &told);
        }
        told
    }

    /// The pool gave no connection.
    pub(crate) fn no_connection(&self, error: &PoolError) {
        let condition = match error {
            PoolError::Backend(error) => connecting_condition(error),
            PoolError::Timeout(TimeoutType::Wait) => Condition::PoolExhausted,
            PoolError::Timeout(TimeoutType::Create) => Condition::Unreachable,
            _ => Condition::ConnectionLost,
        };
        self.note(condition, pool_error(error));
    }

    /// A transaction ended in `error`.
    pub(crate) fn ended(&self, error: &StoreError) {
        if let Some(counts) = self.counts() {
            counts.failed(error.failure());
        }
    }

    /// A transaction took longer than it may.
    pub(crate) fn late(&self, why: &str) {
        self.note(Condition::Slow, why);
    }

    /// The database answered what was read. Nothing is ever written to a replica.
    pub(crate) fn has_read(&self) {
        match (self.counts(), self.which) {
            (Some(counts), Which::Replica) => counts.conditions.write_succeeded(),
            (Some(counts), _) => counts.conditions.read_succeeded(),
            (None, _) => {}
        }
    }

    /// The database has kept a small row that has nothing to do with credentials.
    pub(crate) fn has_noted(&self) {
        self.has_read();
        if let Some(counts) = self.counts() {
            counts.conditions.absent(Condition::ReadOnly);
        }
    }

    /// The database has kept what was written.
    pub(crate) fn has_written(&self) {
        if let Some(counts) = self.counts() {
            counts.conditions.write_succeeded();
        }
    }
}
