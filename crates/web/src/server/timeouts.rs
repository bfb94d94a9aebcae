use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use prometheus::IntCounter;
use tokio::time::{Sleep, sleep_until};

use crate::log_throttle::LogThrottle;

/// How long a client may take.
#[derive(Clone)]
pub(super) struct Timeouts {
    /// To send a request's head.
    pub(super) head: Duration,
    /// To begin its next request.
    pub(super) idle: Duration,
    /// To read the next part of its response.
    pub(super) write: Duration,
    pub(super) slow_heads: SlowClients,
    pub(super) slow_readers: SlowClients,
}

/// Counts clients that exceeded a timeout, and logs them once a minute.
#[derive(Clone)]
pub(super) struct SlowClients {
    at: &'static str,
    count: IntCounter,
    log: LogThrottle<()>,
}

impl SlowClients {
    /// Clients that are slow `at` something.
    pub(super) fn new(at: &'static str, count: IntCounter) -> Self {
        let log = LogThrottle::new(1);
        Self { at, count, log }
    }

    pub(super) fn note(&self) {
        self.count.inc();
        if self.log.allows(()) {
            tracing::warn!(
                at = self.at,
                "connections of clients that are too slow are closed (logged once a minute)"
            );
        }
    }
}

/// A timer for a deadline that moves with each request. To avoid setting a timer for each request,
/// it is set once; when it fires before the current deadline, it is set again.
#[derive(Default)]
pub(super) struct DeadlineTimer(Option<Pin<Box<Sleep>>>);

impl DeadlineTimer {
    /// Ready once `deadline` has passed.
    pub(super) fn poll(
        &mut self,
        deadline: Option<Instant>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let Some(deadline) = deadline else {
            return Poll::Pending;
        };
        let (timer, is_new) = match &mut self.0 {
            Some(timer) => (timer, false),
            none => (none.insert(Box::pin(sleep_until(deadline.into()))), true),
        };
        if !is_new && !timer.is_elapsed() {
            return Poll::Pending;
        }
        ready!(timer.as_mut().poll(context));
        if Instant::now() >= deadline {
            return Poll::Ready(());
        }
        timer.as_mut().reset(deadline.into());
        timer.as_mut().poll(context)
    }
}
