//! Polling until a condition holds.

use std::thread;
use std::time::{Duration, Instant};

use crate::error::PgError;

/// How long to wait for a previous server in the same folder to end.
pub(crate) const PREVIOUS_SERVER_TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Polls until `done` returns true. Returns false if it does not within `limit`.
pub(crate) fn wait_until(
    limit: Duration,
    mut done: impl FnMut() -> Result<bool, PgError>,
) -> Result<bool, PgError> {
    let deadline = Instant::now() + limit;
    while !done()? {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        thread::sleep(POLL_INTERVAL);
    }
    Ok(true)
}
