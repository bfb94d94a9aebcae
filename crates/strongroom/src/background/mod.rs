//! Work that a server does beside requests, as long as its vault is open.

mod keys;
mod operations;
mod scrub;
pub(crate) mod settings;
mod uses;

use std::time::Duration;

use tokio::time::{Instant, sleep};

pub(crate) use keys::KeyConfirmer;
pub(crate) use operations::OperationKeeper;
pub(crate) use scrub::Scrubber;
pub(crate) use uses::{UseFlusher, flush_last};

/// After a piece of work, this many times its own time is rested: it takes about a tenth of one core and of one
/// connection.
const REST: u32 = 9;
/// Longest rest after a piece of work.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// Rests after a piece of work that was begun at `begun`, so that requests do not notice how much of it there is.
async fn rest(begun: Instant) {
    sleep((begun.elapsed() * REST).min(LONGEST_REST)).await;
}
