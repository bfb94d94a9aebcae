//! Counters of a server for metrics. They contain numbers only, no ids of organizations or
//! credentials.

use chrono::{DateTime, Utc};

use crate::error::VaultError;
use crate::health::condition::Conditions;
use crate::health::count::Count;
use crate::health::outcome_counts::OutcomeCounts;
use crate::health::relay_counts::RelayCounts;

/// Counters since the start of this process.
#[derive(Debug)]
pub struct Counters {
    /// Stored values that did not open or were malformed when a request needed them.
    pub seal_failures: Count,
    /// Attempts to seal a secret.
    pub seals: OutcomeCounts,
    /// Attempts to open a sealed secret.
    pub opens: OutcomeCounts,
    /// Authentications with an API key, or without one where anonymous access is allowed.
    pub authentications: Authentications,
    /// The audit events of this server.
    pub audit: AuditCounts,
    /// Rotations of organizations' keys.
    pub rotations: RotationCounts,
    /// Rotations of the root key.
    pub root_rotations: RotationCounts,
    /// Findings of scrubs. A finding that persists is counted by each scrub.
    pub integrity_failures: Count,
    /// Rows checked by scrubs.
    pub scrub_rows: Count,
    /// Completed scrubs of all organizations by this server.
    pub scrub_runs: Count,
    /// The end of the last completed scrub by any server, in seconds since 1970; 0 before the
    /// first.
    pub scrub_last_run: Count,
    /// The number of findings of the last completed scrub.
    pub scrub_last_findings: Count,
    /// Writes that some regions did not confirm before the timeout.
    pub replication_timeouts: Count,
    /// Last-used times that were dropped because the buffer was full.
    pub last_used_dropped: Count,
    /// Spans that a trace collector accepted or rejected.
    pub spans: OutcomeCounts,
    /// The primary database.
    pub primary: DatabaseCounts,
    /// The region's database, if this server reads from one.
    pub replica: DatabaseCounts,
    /// Credentials that expire, and those that are deleted and can be restored.
    pub lifecycle: LifecycleGauges,
    /// Uses of credentials without a reveal.
    pub relay: RelayCounts,
    /// The first expiry of the certificates that this server presents, in seconds since 1970; 0
    /// without TLS.
    pub certificate_expires: Count,
    /// Conditions of the server itself.
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
            lifecycle: LifecycleGauges::default(),
            relay: RelayCounts::default(),
            certificate_expires: Count::default(),
            conditions: Conditions::of("server"),
        }
    }
}

impl Counters {
    /// Shows that a scrub of all organizations ended at `at` with this number of findings in rows
    /// and in audit trails, on this server or another one.
    pub fn scrub_ended(&self, at: DateTime<Utc>, findings: u64, trail_findings: u64) {
        self.scrub_last_findings.set(findings);
        self.audit.last_findings.set(trail_findings);
        self.scrub_last_run.set(seconds(at));
    }
}

/// Numbers of credentials of all organizations, as counted last.
#[derive(Debug, Default)]
pub struct LifecycleGauges {
    /// Those that expire within each of the
    /// [windows](crate::ports::lifecycle::EXPIRY_WINDOWS), with those that have expired.
    pub expiring: [Count; 4],
    /// Those that are deleted and can be restored.
    pub deleted: Count,
    /// Those of them whose window has ended.
    pub purge_due: Count,
}

/// Whole seconds since 1970.
fn seconds(at: DateTime<Utc>) -> u64 {
    u64::try_from(at.timestamp()).unwrap_or(0)
}

/// Counters of authentications by outcome.
#[derive(Debug, Default)]
pub struct Authentications {
    /// The caller was authenticated.
    pub accepted: Count,
    /// The caller was refused.
    pub refused: Count,
    /// The authentication failed for another reason.
    pub failed: Count,
}

impl Authentications {
    /// Counts `result` and returns it.
    pub(crate) fn record<T>(&self, result: Result<T, VaultError>) -> Result<T, VaultError> {
        match result {
            Ok(_) => self.accepted.add(1),
            Err(VaultError::Unauthorized | VaultError::KeyRefused(_)) => self.refused.add(1),
            Err(_) => self.failed.add(1),
        }
        result
    }
}

/// Counters of this server's audit events.
#[derive(Debug, Default)]
pub struct AuditCounts {
    /// Stored events.
    pub events: Count,
    /// The time of the newest stored event, in seconds since 1970; 0 before the first.
    pub last_event: Count,
    /// Lanes that this server started.
    pub lanes: Count,
    /// Refused requests that could not be recorded in the background.
    pub unrecorded: Count,
    /// Events verified in the background.
    pub verified: Count,
    /// Findings of verifications in the background. A finding that persists is counted by each.
    pub findings: Count,
    /// The number of findings of the last verification of all trails, by any server.
    pub last_findings: Count,
    /// The time of the newest signed root, in seconds since 1970; 0 before the first.
    pub last_root: Count,
}

impl AuditCounts {
    /// Shows that a root was signed at `at`, by this server or another one.
    pub fn root_signed(&self, at: DateTime<Utc>) {
        self.last_root.set(seconds(at));
    }

    /// Records that this number of `events` was stored, and the time of the newest.
    pub fn appended(&self, events: usize, newest: DateTime<Utc>) {
        self.events.add(events as u64);
        self.last_event.set(seconds(newest));
    }
}

/// Gauges of the running rotations on all servers, and their progress.
#[derive(Debug, Default)]
pub struct RotationCounts {
    /// The number of running rotations.
    pub running: Count,
    /// Their completed rows.
    pub rows_done: Count,
    /// Their remaining rows.
    pub rows_left: Count,
}

impl RotationCounts {
    /// Records `rows` more completed rows.
    pub fn advance(&self, rows: i64) {
        let rows = u64::try_from(rows).unwrap_or(0);
        self.rows_done.add(rows);
        self.rows_left
            .set(self.rows_left.get().saturating_sub(rows));
    }
}

/// The kinds of failed transactions.
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
    OutdatedRow,
    OrganizationGone,
    Malformed,
    Internal,
    Other,
}

impl Failure {
    /// The names in metrics, indexed by the enum's values.
    pub const NAMES: [&str; 11] = [
        "unavailable",
        "part_unavailable",
        "contended",
        "outcome_unknown",
        "conflict",
        "retired_key",
        "outdated_row",
        "organization_gone",
        "malformed",
        "internal",
        "other",
    ];
}

/// Counters of one database.
#[derive(Debug)]
pub struct DatabaseCounts {
    /// Attempts to connect.
    pub connections: OutcomeCounts,
    /// Failed transactions, indexed like [`Failure::NAMES`].
    pub failures: [Count; Failure::NAMES.len()],
    /// Conditions of the database.
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

    /// Counts a failed transaction.
    pub fn failed(&self, failure: Failure) {
        self.failures[failure as usize].add(1);
    }
}
