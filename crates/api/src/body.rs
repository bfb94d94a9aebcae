use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web;
use futures_util::StreamExt;
use strongroom_domain::FieldError;
use strongroom_domain::json;
use strongroom_domain::json::value::{Kind, Members, Value};
use zeroize::Zeroizing;

use crate::error::ApiError;
use crate::server::Traffic;
use crate::state::AppState;

/// Why a body of another type is refused.
pub(crate) const NOT_JSON: &str = "the Content-Type must be application/json";

/// A request's body: wiped on drop, since it holds secrets.
pub(crate) type Body = Zeroizing<Vec<u8>>;

/// Reads a JSON body.
///
/// Answers 415 for another content type, 413 for more bytes than are allowed, 408 when it comes too slowly.
pub(crate) async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    state: &AppState,
) -> Result<Body, ApiError> {
    check_content_type(request)?;
    let announced = request.headers().get(CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let most = state.settings.sizes.body;
    if announced.is_some_and(|length| length > most as u64) {
        return Err(too_large(most));
    }
    // A vector that grows would leave copies of secrets behind; and all of it is wiped, so no more than needed.
    let room = announced.and_then(|length| usize::try_from(length).ok());
    let collecting = collect(payload, room.unwrap_or(most), most);
    let traffic = request.conn_data::<Rc<Traffic>>();
    if let Some(traffic) = traffic {
        traffic.want_body(true);
    }
    let collected = tokio::time::timeout(state.settings.body_timeout, collecting).await;
    if let Some(traffic) = traffic {
        traffic.want_body(false);
    }
    collected.unwrap_or_else(|_| Err(too_slow()))
}

async fn collect(mut payload: web::Payload, room: usize, most: usize) -> Result<Body, ApiError> {
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| unreadable(&error, most))?;
        if body.len() + chunk.len() > room {
            return Err(too_large(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn check_content_type(request: &HttpRequest) -> Result<(), ApiError> {
    let unsupported = |message: &str| Err(unsupported(message));
    let value = request.headers().get(CONTENT_TYPE);
    let value = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (kind, parameters) = value.split_once(';').unwrap_or((value, ""));
    if !kind.trim().eq_ignore_ascii_case("application/json") {
        return unsupported(NOT_JSON);
    }
    let charset = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches('"'))
    });
    if charset.is_some_and(|charset| !charset.eq_ignore_ascii_case("utf-8")) {
        return unsupported("JSON is UTF-8; no other charset is taken");
    }
    if request.headers().contains_key(CONTENT_ENCODING) {
        return unsupported("a Content-Encoding is not taken");
    }
    Ok(())
}

/// 408.
pub(crate) fn too_slow() -> ApiError {
    ApiError::new(
        StatusCode::REQUEST_TIMEOUT,
        "body_timeout",
        "the request body did not arrive in time",
    )
}

/// 415.
pub(crate) fn unsupported(message: &str) -> ApiError {
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    ApiError::new(status, "unsupported_media_type", message)
}

/// 413.
pub(crate) fn too_large(most: usize) -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        format!("the body must have at most {most} bytes"),
    )
}

fn unreadable(error: &PayloadError, most: usize) -> ApiError {
    match error {
        PayloadError::Overflow => too_large(most),
        _ => ApiError::new(
            StatusCode::BAD_REQUEST,
            "incomplete_body",
            "the request body ended early or was framed wrongly",
        ),
    }
}

/// An object's members, taken one by one; what is left over is unknown.
pub(crate) struct Fields<'a> {
    members: Members<'a>,
    pub(crate) errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Parses `body` as one strict JSON object.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, ApiError> {
        let value = json::parse(body)?;
        if value.kind() != Kind::Object {
            let message = format!("the body must be a JSON object, and is {}", value.kind());
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "wrong_type",
                message,
            ));
        }
        Ok(Self {
            members: value.members().unwrap_or_default(),
            errors: Vec::new(),
        })
    }

    /// The member called `name`, if it was sent.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let at = self.members.iter().position(|(member, _)| member == name)?;
        Some(self.members.remove(at).1)
    }

    /// The member called `name`; notes an error when it was not sent.
    pub(crate) fn require(&mut self, name: &str) -> Option<Value<'a>> {
        let value = self.take(name);
        if value.is_none() {
            self.errors
                .push(FieldError::new(name, "required", "is required"));
        }
        value
    }

    /// Reads `value` with `read`; notes the error when that fails.
    pub(crate) fn check<T>(
        &mut self,
        value: Option<Value<'a>>,
        read: impl FnOnce(Value<'a>) -> Result<T, FieldError>,
    ) -> Option<T> {
        match read(value?) {
            Ok(read) => Some(read),
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }

    /// All errors, with one for every member that nobody took.
    pub(crate) fn into_errors(mut self) -> Vec<FieldError> {
        for (name, _) in &self.members {
            let name = strongroom_domain::json::value::shown_name(name);
            let error = FieldError::new(name, "unknown_field", "is not a known field");
            self.errors.push(error);
        }
        self.errors
    }

    /// If there is any error, all of them are the answer.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        let errors = self.into_errors();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(ApiError::invalid(errors))
        }
    }
}

/// Reads a string with `parse`, or says which kind `field` is instead.
pub(crate) fn string<T>(
    field: &'static str,
    parse: impl FnOnce(&str) -> Result<T, FieldError>,
) -> impl FnOnce(Value<'_>) -> Result<T, FieldError> {
    move |value| match value.as_string() {
        Some(text) => parse(&text),
        None => {
            let message = format!("must be a string, and is {}", value.kind());
            Err(FieldError::new(field, "wrong_type", message))
        }
    }
}

/// Reads one of an enumeration's names with `parse`, or says which `choices` there are.
pub(crate) fn choice<T>(
    field: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
    choices: fn() -> String,
) -> impl FnOnce(Value<'_>) -> Result<T, FieldError> {
    string(field, move |text| {
        parse(text).ok_or_else(|| {
            FieldError::new(field, "invalid_value", format!("must be {}", choices()))
        })
    })
}
