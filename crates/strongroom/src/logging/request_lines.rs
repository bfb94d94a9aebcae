use std::cell::RefCell;
use std::io::Write;
use std::sync::OnceLock;

use serde::Serialize;
use strongroom_domain::{KeyId, OrgId};
use strongroom_web::request_log::RequestLine;
use tracing_appender::non_blocking::NonBlocking;

use super::human_lines::REQUEST;
use super::json_lines::timestamp;

/// Where JSON lines about requests go. Not set if the format or the level is another one.
static JSON: OnceLock<NonBlocking> = OnceLock::new();

thread_local! {
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A [`RequestLine`] in the shape of all other lines.
#[derive(Serialize)]
struct JsonLine<'a> {
    timestamp: &'a str,
    level: &'a str,
    message: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<OrgId>,
    method: &'a str,
    route: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<KeyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<std::net::IpAddr>,
    target: &'a str,
}

/// Makes [`log_request`] write JSON to `lines`.
pub(super) fn write_json_to(lines: NonBlocking) {
    let _ = JSON.set(lines);
}

/// Logs an answered request. A JSON line is written past `tracing`, whose layers and visitors take
/// as long as the rest of the line (docs/performance.md).
pub(crate) fn log_request(request: &RequestLine<'_>) {
    let duration_ms = (request.duration.as_secs_f64() * 1e6).round() / 1e3;
    let Some(lines) = JSON.get() else {
        return log_event(request, duration_ms);
    };
    let line = JsonLine {
        timestamp: &timestamp(),
        level: "INFO",
        message: "request",
        request_id: request.request_id,
        org: request.org,
        method: request.method,
        route: request.route,
        status: request.status,
        error: request.error,
        key_id: request.refused.map(|key| key.id),
        reason: request.refused.map(|key| key.reason.as_str()),
        duration_ms,
        peer: request.peer,
        target: REQUEST,
    };
    LINE.with_borrow_mut(|text| {
        text.clear();
        if serde_json::to_writer(&mut *text, &line).is_ok() {
            text.push(b'\n');
            // Lines that do not fit into the buffer are counted there.
            let _ = lines.clone().write(text);
        }
    });
}

fn log_event(request: &RequestLine<'_>, duration_ms: f64) {
    tracing::info!(
        target: REQUEST,
        request_id = request.request_id,
        org = request.org.map(|org| org.to_string()),
        method = request.method,
        route = request.route,
        status = request.status,
        error = request.error,
        key_id = request.refused.map(|key| key.id.to_string()),
        reason = request.refused.map(|key| key.reason.as_str()),
        duration_ms,
        peer = request.peer.map(|peer| peer.to_string()),
        "request"
    );
}
