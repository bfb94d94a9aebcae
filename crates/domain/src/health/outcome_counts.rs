//! Counts of successes and failures.

use crate::health::count::Count;

/// Counters of successes and failures.
#[derive(Debug, Default)]
pub struct OutcomeCounts {
    /// Successes.
    pub succeeded: Count,
    /// Failures.
    pub failed: Count,
}

impl OutcomeCounts {
    /// Counts `result` and returns it.
    ///
    /// # Errors
    /// Those of `result`.
    pub fn record<T, E>(&self, result: Result<T, E>) -> Result<T, E> {
        match result {
            Ok(_) => self.succeeded.add(1),
            Err(_) => self.failed.add(1),
        }
        result
    }
}
