//! Trace spans of requests.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing::Span;

/// The target of spans that are sent to a trace collector and not to the log. Without a collector,
/// these spans are not created. They contain no secrets and no input from callers.
pub const TRACE: &str = "strongroom::trace";

// Global, like the subscriber. `tracing::enabled!` is not an alternative: if layers have their own
// filters, a negative answer makes them miss the next event.
static COLLECTED: AtomicBool = AtomicBool::new(false);

/// Enables the creation of spans.
pub fn collect() {
    COLLECTED.store(true, Ordering::Relaxed);
}

/// The span of the current request, as the parent of spans on other threads. Returns [`Span::none`]
/// if spans are disabled, or outside of a request.
#[must_use]
pub fn trace_parent() -> Span {
    if !COLLECTED.load(Ordering::Relaxed) {
        return Span::none();
    }
    let current = Span::current();
    let traced = current
        .metadata()
        .is_some_and(|span| span.target() == TRACE);
    if traced { current } else { Span::none() }
}
