//! Reading of request bodies.

use std::rc::Rc;

use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::{HttpRequest, web};
use futures_util::StreamExt;
use zeroize::Zeroizing;

use crate::connection_state::ConnectionState;
use crate::refusal::Refusal;
use crate::state::AppState;

/// Why a body with another content type is refused.
pub const NOT_JSON: &str = "the Content-Type must be application/json";
/// The same of a form.
pub const NOT_FORM: &str = "the Content-Type must be application/x-www-form-urlencoded";

/// A request's body. It holds secrets, so it is wiped on drop.
pub type Body = Zeroizing<Vec<u8>>;

/// Reads a JSON body.
///
/// # Errors
/// 415 for another content type, 413 if the body is too large, 400 if it is incomplete or does not
/// arrive in time.
pub async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    state: &AppState,
) -> Result<Body, Refusal> {
    check_content_type(request, "application/json", NOT_JSON)?;
    collect_within_limits(request, payload, state).await
}

/// Reads the body of a form.
///
/// # Errors
/// As for [`read`].
pub async fn read_form(
    request: &HttpRequest,
    payload: web::Payload,
    state: &AppState,
) -> Result<Body, Refusal> {
    check_content_type(request, "application/x-www-form-urlencoded", NOT_FORM)?;
    collect_within_limits(request, payload, state).await
}

/// Reads a body of any type.
///
/// # Errors
/// As for [`read`], but for the type.
pub async fn read_any(
    request: &HttpRequest,
    payload: web::Payload,
    state: &AppState,
) -> Result<Body, Refusal> {
    collect_within_limits(request, payload, state).await
}

async fn collect_within_limits(
    request: &HttpRequest,
    payload: web::Payload,
    state: &AppState,
) -> Result<Body, Refusal> {
    let announced = request.headers().get(CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let max = state.settings.sizes.body;
    if announced.is_some_and(|length| length > max as u64) {
        return Err(too_large(max));
    }
    // A growing vector would leave copies of secrets in freed memory. The capacity is wiped as a
    // whole, so it is no larger than necessary.
    let capacity = announced.and_then(|length| usize::try_from(length).ok());
    let collecting = collect(payload, capacity.unwrap_or(max), max);
    let connection = request.conn_data::<Rc<ConnectionState>>();
    if let Some(connection) = connection {
        connection.set_reading_body(true);
    }
    let collected = tokio::time::timeout(state.settings.body_timeout, collecting).await;
    if let Some(connection) = connection {
        connection.set_reading_body(false);
    }
    collected.unwrap_or_else(|_| Err(too_slow()))
}

async fn collect(mut payload: web::Payload, capacity: usize, max: usize) -> Result<Body, Refusal> {
    let mut body = Zeroizing::new(Vec::with_capacity(capacity));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| unreadable(&error, max))?;
        if body.len() + chunk.len() > capacity {
            return Err(too_large(max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn check_content_type(
    request: &HttpRequest,
    expected: &str,
    other: &'static str,
) -> Result<(), Refusal> {
    let value = request.headers().get(CONTENT_TYPE);
    let value = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (kind, parameters) = value.split_once(';').unwrap_or((value, ""));
    if !kind.trim().eq_ignore_ascii_case(expected) {
        return Err(unsupported(other));
    }
    let charset = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches('"'))
    });
    let is_utf8 = |charset: &str| {
        ["utf-8", "utf8"]
            .iter()
            .any(|name| charset.eq_ignore_ascii_case(name))
    };
    if charset.is_some_and(|charset| !is_utf8(charset)) {
        return Err(unsupported(
            "the body is UTF-8; no other charset is accepted",
        ));
    }
    let mut encodings = request.headers().get_all(CONTENT_ENCODING);
    if !encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(unsupported("a Content-Encoding is not accepted"));
    }
    Ok(())
}

/// 400. A 408 would be repeated by clients, and means that a write is committed.
#[must_use]
pub fn too_slow() -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "body_timeout",
        "the request body did not arrive in time; nothing was changed",
    )
}

/// 415.
#[must_use]
pub fn unsupported(message: &str) -> Refusal {
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Refusal::new(status, "unsupported_media_type", message)
}

/// 413.
#[must_use]
pub fn too_large(max: usize) -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        format!("the body must have at most {max} bytes"),
    )
}

fn unreadable(error: &PayloadError, max: usize) -> Refusal {
    match error {
        PayloadError::Overflow => too_large(max),
        _ => Refusal::new(
            StatusCode::BAD_REQUEST,
            "incomplete_body",
            "the request body ended early or was framed wrongly",
        ),
    }
}
