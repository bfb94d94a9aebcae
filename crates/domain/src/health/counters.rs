//! What a server counts, for whoever watches it. Numbers only: no organization's and no credential's id.

use chrono::{DateTime, Utc};

use crate::error::VaultError;
use crate::health::condition::Conditions;
use crate::health::count::Count;

/// Counts since this process started.
#[derive(Debug)]
pub struct Counters {
    /// Stored values that did not open, or were malformed, when a request needed them.
    pub seal_failures: Count,
    /// Seals of secrets, and tries to open one.
    pub seals: OutcomeCounts,
    /// Tries to open a sealed secret.
    pub opens: OutcomeCounts,
    /// How requests that presented an API key, or none where that is allowed, fared.
    pub authentications: Authentications,
    /// The audit trail as this server continues it.
    pub audit: AuditCounts,
    /// Rotations of organizations' keys.
    pub rotations: RotationCounts,
    /// Rotations of the root key.
    pub root_rotations: RotationCounts,
    /// What scrubs have found; one that is still there is counted by each.
    pub integrity_failures: Count,
    /// Rows that scrubs have checked.
    pub scrub_rows: Count,
    /// Scrubs of all organizations that came to their end.
    pub scrub_runs: Count,
    /// When the last of these ended, in seconds since 1970; 0 before the first.
    pub scrub_last_run: Count,
    /// What the last of these found.
    pub scrub_last_findings: Count,
    /// Writes that some regions did not have in time.
    pub replication_timeouts: Count,
    /// Uses of credentials and keys that were not kept, because too many waited.
    pub last_used_dropped: Count,
    /// Spans that a trace collector took, and those that it did not.
    pub spans: OutcomeCounts,
    /// The database that is written to.
    pub primary: DatabaseCounts,
    /// The region's database, where this server reads from one.
    pub replica: DatabaseCounts,
    /// What is wrong with the server itself.
    pub conditions: Conditions,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            seal_failures: Count::default(),
            seals: OutcomeCounts::default(),
            opens: OutcomeCounts::default(),
            authentications: Authentications::default(),
            audit: AuditCounts::default(),
            rotations: RotationCounts::default(),
            root_rotations: RotationCounts::default(),
            integrity_failures: Count::default(),
            scrub_rows: Count::default(),
            scrub_runs: Count::default(),
            scrub_last_run: Count::default(),
            scrub_last_findings: Count::default(),
            replication_timeouts: Count::default(),
            last_used_dropped: Count::default(),
            spans: OutcomeCounts::default(),
            primary: DatabaseCounts::of("primary"),
            replica: DatabaseCounts::of("region"),
            conditions: Conditions::of("server"),
        }
    }
}

impl Counters {
    /// A scrub of all organizations ended at `at` with so many `findings`.
    pub fn scrub_ended(&self, at: DateTime<Utc>, findings: u64) {
        self.scrub_runs.add(1);
        self.scrub_last_findings.set(findings);
        self.scrub_last_run.set(seconds(at));
    }
}

/// Whole seconds since 1970.
fn seconds(at: DateTime<Utc>) -> u64 {
    u64::try_from(at.timestamp()).unwrap_or(0)
}

/// What succeeded, and what did not.
#[derive(Debug, Default)]
pub struct OutcomeCounts {
    /// Successes.
    pub succeeded: Count,
    /// Failures.
    pub failed: Count,
}

impl OutcomeCounts {
    /// Counts one of which `result` came, and passes it on.
    ///
    /// # Errors
    /// Those of `result`.
    pub fn note<T, E>(&self, result: Result<T, E>) -> Result<T, E> {
        match result {
            Ok(_) => self.succeeded.add(1),
            Err(_) => self.failed.add(1),
        }
        result
    }
}

/// How authentications fared.
#[derive(Debug, Default)]
pub struct Authentications {
    /// The caller is known.
    pub accepted: Count,
    /// It is not.
    pub refused: Count,
    /// That could not be told.
    pub failed: Count,
}

impl Authentications {
    /// Counts one, and passes it on.
    pub(crate) fn note<T>(&self, result: Result<T, VaultError>) -> Result<T, VaultError> {
        match result {
            Ok(_) => self.accepted.add(1),
            Err(VaultError::Unauthorized) => self.refused.add(1),
            Err(_) => self.failed.add(1),
        }
        result
    }
}

/// How far this server has continued the audit trail.
#[derive(Debug, Default)]
pub struct AuditCounts {
    /// Events that are stored.
    pub events: Count,
    /// When the newest of them was recorded, in seconds since 1970; 0 before the first.
    pub last_event: Count,
    /// Lanes that were begun.
    pub lanes: Count,
    /// Refused requests that could not be recorded behind their answer.
    pub unrecorded: Count,
}

impl AuditCounts {
    /// So many `events` are stored, of which the newest was recorded at `newest`.
    pub fn appended(&self, events: usize, newest: DateTime<Utc>) {
        self.events.add(events as u64);
        self.last_event.set(seconds(newest));
    }
}

/// Rotations that are under way, on whichever server, and what they have done and still have to do.
#[derive(Debug, Default)]
pub struct RotationCounts {
    /// How many there are.
    pub running: Count,
    /// Rows that they have done.
    pub rows_done: Count,
    /// Rows that they have left.
    pub rows_left: Count,
}

impl RotationCounts {
    /// `rows` more are done.
    pub fn advance(&self, rows: i64) {
        let rows = u64::try_from(rows).unwrap_or(0);
        self.rows_done.add(rows);
        self.rows_left
            .set(self.rows_left.get().saturating_sub(rows));
    }
}

/// The ways in which a transaction fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "each is named like the store's error that it stands for"
)]
pub enum Failure {
    Unavailable,
    PartUnavailable,
    Contended,
    OutcomeUnknown,
    Conflict,
    RetiredKey,
    OrganizationGone,
    Malformed,
    Internal,
    Other,
}

impl Failure {
    /// The names that metrics give them, at the places of the values.
    pub const NAMES: [&str; 10] = [
        "unavailable",
        "part_unavailable",
        "contended",
        "outcome_unknown",
        "conflict",
        "retired_key",
        "organization_gone",
        "malformed",
        "internal",
        "other",
    ];
}

/// What happens with one database.
#[derive(Debug)]
pub struct DatabaseCounts {
    /// Connections that were made, and tries that failed.
    pub connections: OutcomeCounts,
    /// Transactions that failed, at the places of [`Failure::NAMES`].
    pub failures: [Count; Failure::NAMES.len()],
    /// What is wrong with it.
    pub conditions: Conditions,
}

impl DatabaseCounts {
    fn of(name: &'static str) -> Self {
        Self {
            connections: OutcomeCounts::default(),
            failures: Default::default(),
            conditions: Conditions::of(name),
        }
    }

    /// Counts a transaction that failed.
    pub fn failed(&self, failure: Failure) {
        self.failures[failure as usize].add(1);
    }
}
