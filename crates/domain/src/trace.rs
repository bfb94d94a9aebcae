//! Spans of a request, for whoever collects traces.

/// The target of spans that are sent to a trace collector and are no part of the log. Without a collector nobody wants
/// them, and then they are not made. They hold no secret, and nothing that a caller sent.
pub const TRACE: &str = "strongroom::trace";

/// The span that is current, as the parent of what happens on another thread; none when nobody collects traces.
#[must_use]
pub fn trace_parent() -> tracing::Span {
    match tracing::enabled!(target: TRACE, tracing::Level::INFO) {
        true => tracing::Span::current(),
        false => tracing::Span::none(),
    }
}
