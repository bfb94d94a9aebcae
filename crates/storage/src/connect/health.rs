//! Derives a database's conditions from its responses.

use std::fmt::Display;
use std::sync::Arc;

use strongroom_domain::health::condition::Condition;
use strongroom_domain::health::counters::{Counters, DatabaseCounts};
use strongroom_domain::ports::error::StoreError;
use tokio_postgres::Error;

use crate::connect::error::{ConnectError, condition, store_error};

/// Records the results of one database's connections and transactions.
#[derive(Clone, Default)]
pub(crate) struct DatabaseHealth {
    pub(crate) counters: Arc<Counters>,
    role: MonitoredAs,
}

#[derive(Clone, Copy, Default)]
enum MonitoredAs {
    /// No conditions are recorded: the database of a command, or a connection that only reads a
    /// region's position.
    #[default]
    Nothing,
    Primary,
    Replica,
}

impl DatabaseHealth {
    /// The health of the primary, counted in `counters`.
    pub(crate) fn primary(counters: Arc<Counters>) -> Self {
        let role = MonitoredAs::Primary;
        Self { counters, role }
    }

    /// The health of the replica that is read, counted in the same counters.
    pub(crate) fn replica(&self) -> Self {
        Self {
            counters: self.counters.clone(),
            role: MonitoredAs::Replica,
        }
    }

    fn counts(&self) -> Option<&DatabaseCounts> {
        match self.role {
            MonitoredAs::Nothing => None,
            MonitoredAs::Primary => Some(&self.counters.primary),
            MonitoredAs::Replica => Some(&self.counters.replica),
        }
    }

    fn note(&self, condition: Condition, cause: impl Display) {
        if let Some(counts) = self.counts() {
            counts.conditions.record(condition, cause);
        }
    }

    /// Counts an attempt to connect.
    pub(crate) fn connected(&self, succeeded: bool) {
        match self.counts() {
            Some(counts) if succeeded => counts.connections.succeeded.add(1),
            Some(counts) => counts.connections.failed.add(1),
            None => {}
        }
    }

    /// Records a failed statement; returns the domain's error.
    pub(crate) fn failed(&self, error: &Error) -> StoreError {
        let failure = store_error(error);
        if let Some(condition) = condition(error) {
            self.note(condition, &failure);
        }
        failure
    }

    /// Records that the pool provided no connection.
    pub(crate) fn no_connection(&self, condition: Condition, failure: &ConnectError) {
        self.note(condition, failure);
    }

    /// Records that a transaction failed.
    pub(crate) fn transaction_failed(&self, error: &StoreError) {
        if let Some(counts) = self.counts() {
            counts.failed(error.failure());
        }
    }

    /// Records that a transaction exceeded its time limit.
    pub(crate) fn timed_out(&self, why: &str) {
        self.note(Condition::Slow, why);
    }

    /// Records a completed read. A replica is never written to, so a read clears all conditions.
    pub(crate) fn has_read(&self) {
        match (self.counts(), self.role) {
            (Some(counts), MonitoredAs::Replica) => counts.conditions.write_succeeded(),
            (Some(counts), _) => counts.conditions.read_succeeded(),
            (None, _) => {}
        }
    }

    /// Records a committed write of one service row.
    pub(crate) fn service_row_written(&self) {
        self.has_read();
        if let Some(counts) = self.counts() {
            counts.conditions.absent(Condition::ReadOnly);
        }
    }

    /// Records a committed write.
    pub(crate) fn has_written(&self) {
        if let Some(counts) = self.counts() {
            counts.conditions.write_succeeded();
        }
    }
}
