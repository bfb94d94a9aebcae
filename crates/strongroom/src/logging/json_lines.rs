use std::fmt;

use chrono::SecondsFormat;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value};
use strongroom_domain::{Clock, SystemClock};
use tracing::{Event, Subscriber};
use tracing_serde::SerdeMapVisitor;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// A little more than the usual size of a line about a request, in bytes.
const LINE: usize = 512;

/// Writes an event as one line of JSON, in the shape of tracing-subscriber's flattened format. That
/// format writes every quotation mark separately, which takes a sixth of an HTTP worker's time for
/// a revealed credential (docs/performance.md).
pub(super) struct JsonLines;

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let span = context.parent_span().map(|span| {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>();
            let fields = fields.and_then(|fields| serde_json::from_str(fields).ok());
            let mut members: Map<String, Value> = fields.unwrap_or_default();
            members.insert("name".to_owned(), span.name().into());
            members
        });
        let line = line(event, span).map_err(|_| fmt::Error)?;
        writer.write_str(std::str::from_utf8(&line).map_err(|_| fmt::Error)?)
    }
}

fn line(event: &Event<'_>, span: Option<Map<String, Value>>) -> serde_json::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(LINE);
    let mut json = serde_json::Serializer::new(&mut line);
    let mut members = json.serialize_map(None)?;
    let now = SystemClock.now();
    let now = now.to_rfc3339_opts(SecondsFormat::Micros, true);
    members.serialize_entry("timestamp", &now)?;
    members.serialize_entry("level", event.metadata().level().as_str())?;
    let mut fields = SerdeMapVisitor::new(members);
    event.record(&mut fields);
    let mut members = fields.take_serializer()?;
    members.serialize_entry("target", event.metadata().target())?;
    if let Some(span) = span {
        members.serialize_entry("span", &span)?;
    }
    members.end()?;
    line.push(b'\n');
    Ok(line)
}
