use std::fmt;

use chrono::SecondsFormat;
use serde::ser::{SerializeMap, Serializer};
use strongroom_domain::{Clock, SystemClock};
use tracing::{Event, Subscriber};
use tracing_serde::SerdeMapVisitor;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent};
use tracing_subscriber::registry::LookupSpan;

/// A little more than the usual size of a line, in bytes.
const LINE: usize = 512;

/// Writes an event as one line of JSON, in the shape of tracing-subscriber's flattened format, with
/// the id of the request during which it occurred.
pub(super) struct JsonLines;

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let request_id = strongroom_web::with_request_id(str::to_owned);
        let line = line(event, request_id.as_deref()).map_err(|_| fmt::Error)?;
        writer.write_str(std::str::from_utf8(&line).map_err(|_| fmt::Error)?)
    }
}

fn line(event: &Event<'_>, request_id: Option<&str>) -> serde_json::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(LINE);
    let mut json = serde_json::Serializer::new(&mut line);
    let mut members = json.serialize_map(None)?;
    members.serialize_entry("timestamp", &timestamp())?;
    members.serialize_entry("level", event.metadata().level().as_str())?;
    let mut fields = SerdeMapVisitor::new(members);
    event.record(&mut fields);
    let mut members = fields.take_serializer()?;
    if let Some(id) = request_id {
        members.serialize_entry("request_id", id)?;
    }
    members.serialize_entry("target", event.metadata().target())?;
    members.end()?;
    line.push(b'\n');
    Ok(line)
}

/// The current time, as RFC 3339 with microseconds.
pub(super) fn timestamp() -> String {
    SystemClock
        .now()
        .to_rfc3339_opts(SecondsFormat::Micros, true)
}
