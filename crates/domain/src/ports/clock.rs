//! The clock.

use chrono::{DateTime, Utc};

/// What time it is; a parameter so that tests can set it.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads it")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
