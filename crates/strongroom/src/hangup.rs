//! SIGHUP, which makes a server read its files again.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Notices SIGHUP. Once there is one, the signal does not end the process.
pub(crate) struct Hangup(Option<Signal>);

impl Hangup {
    pub(crate) fn new() -> Self {
        let listening = signal(SignalKind::hangup());
        Self(
            listening
                .inspect_err(|error| tracing::error!(%error, "cannot listen for SIGHUP"))
                .ok(),
        )
    }

    /// Completes at the next SIGHUP.
    pub(crate) async fn received(&mut self) {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}
