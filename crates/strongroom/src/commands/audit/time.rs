use chrono::{DateTime, Utc};

use crate::commands::time::parse_time;
use crate::error::CommandError;

/// The value of `--flag`: a time, or a date, which means its beginning in UTC.
pub(super) fn time(flag: &str, text: &str) -> Result<DateTime<Utc>, CommandError> {
    parse_time(text).ok_or_else(|| {
        CommandError::Usage(format!(
            "--{flag} must be a date (2027-01-31) or a time (2027-01-31T12:00:00Z)"
        ))
    })
}
