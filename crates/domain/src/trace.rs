//! Spans of a request, for whoever collects traces.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing::Span;

/// The target of spans that are sent to a trace collector and are no part of the log. Without a collector nobody wants
/// them, and then they are not made. They hold no secret, and nothing that a caller sent.
pub const TRACE: &str = "strongroom::trace";

// As global as the subscriber itself. Asking that one (`tracing::enabled!`) is no choice: where layers have filters of
// their own, a "no" makes them miss the next event.
static COLLECTED: AtomicBool = AtomicBool::new(false);

/// Says that somebody collects traces.
pub fn collect() {
    COLLECTED.store(true, Ordering::Relaxed);
}

/// The span of the request that is being answered here, as the parent of what happens for it elsewhere; none when nobody
/// collects traces, or nothing is being answered.
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
