//! Work that a server does beside requests, as long as its vault is open.

mod keys;
mod operations;
mod scrub;
mod uses;

use std::time::Duration;

pub(crate) use keys::KeyConfirmer;
pub(crate) use operations::OperationKeeper;
pub(crate) use scrub::Scrubber;
pub(crate) use uses::{UseFlusher, flush_last};

/// How often background work is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BackgroundSettings {
    /// From the start of one integrity scrub to the next; none: never.
    pub(crate) verify_interval: Option<Duration>,
    /// From one flush of last uses to the next.
    pub(crate) use_flush_interval: Duration,
}

impl Default for BackgroundSettings {
    fn default() -> Self {
        Self {
            verify_interval: Some(Duration::from_secs(24 * 3600)),
            use_flush_interval: Duration::from_secs(20),
        }
    }
}
