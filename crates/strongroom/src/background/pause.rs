use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The pause after a piece of work, in multiples of the time that the work took: background work
/// uses about a tenth of one core and of one database connection.
const FACTOR: u32 = 9;
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Pauses after a piece of work that began at `begun`, so that the load beside requests does not
/// grow with the amount of work.
pub(super) async fn pause_after(begun: Instant) {
    sleep((begun.elapsed() * FACTOR).min(LONGEST_PAUSE)).await;
}
