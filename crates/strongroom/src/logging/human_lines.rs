use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Compact, Format, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent};
use tracing_subscriber::registry::LookupSpan;

/// The target of lines about requests.
pub(super) const REQUEST: &str = "strongroom::request";

/// Writes an event for a reader at a terminal. A line of a request that is not the request's own
/// begins with its id.
pub(super) struct HumanLines(Format<Compact>);

impl HumanLines {
    pub(super) fn new() -> Self {
        Self(Format::default().compact().with_target(false))
    }
}

impl<S, F> FormatEvent<S, F> for HumanLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    F: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, F>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if event.metadata().target() != REQUEST {
            strongroom_web::with_request_id(|id| write!(writer, "{id} ")).unwrap_or(Ok(()))?;
        }
        self.0.format_event(context, writer, event)
    }
}
