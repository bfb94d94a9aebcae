//! What the vault counts, for whoever watches it. Numbers only: no organisation's and no credential's id.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};

/// A number that other threads read while it grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// Counts since this process started.
#[derive(Debug, Default)]
pub struct Counters {
    /// Stored values that did not open, or were malformed, when a request needed them.
    pub seal_failures: Count,
    /// What scrubs have found; one that is still there is counted by each.
    pub integrity_failures: Count,
    /// Rows that scrubs have checked.
    pub verify_rows: Count,
    /// Scrubs of all organisations that came to their end.
    pub verify_runs: Count,
    /// When the last of these ended, in seconds since 1970; 0 before the first.
    pub verify_last_run: Count,
    /// What the last of these found.
    pub verify_last_findings: Count,
    /// Writes that some regions did not have in time.
    pub not_in_time: Count,
    /// Uses of credentials and keys that were not kept, because too many waited.
    pub uses_dropped: Count,
}

impl Counters {
    /// A scrub of all organisations ended at `at` with so many `findings`.
    pub fn scrub_ended(&self, at: DateTime<Utc>, findings: u64) {
        self.verify_runs.add(1);
        self.verify_last_findings.set(findings);
        self.verify_last_run
            .set(u64::try_from(at.timestamp()).unwrap_or(0));
    }
}
