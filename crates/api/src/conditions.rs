//! `If-Match` and `If-None-Match`, and the entity tag of responses.

use actix_web::HttpResponseBuilder;
use actix_web::http::header::{ETAG, HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};
use strongroom_domain::FieldError;
use strongroom_domain::entity_tag::{Condition, EntityTag};

use crate::consistency::WriteConsistency;
use crate::error::ApiError;

fn if_match(headers: &HeaderMap) -> Result<Option<Condition>, FieldError> {
    read(headers, &IF_MATCH, "If-Match", false)
}

/// The consistency that a write requires, and the versions to which it applies.
///
/// # Errors
/// 400 with the errors of all these headers.
pub(crate) fn write_headers(
    headers: &HeaderMap,
) -> Result<(WriteConsistency, Option<Condition>), ApiError> {
    let mut errors = Vec::new();
    let consistency = WriteConsistency::read(headers).map_err(|all| errors.extend(all));
    let condition = if_match(headers).map_err(|error| errors.push(error));
    if headers.contains_key(IF_NONE_MATCH) {
        let message = "is about a reveal; a write takes If-Match";
        errors.push(FieldError::new("If-None-Match", "conflict", message));
    }
    match (consistency, condition) {
        (Ok(consistency), Ok(condition)) if errors.is_empty() => Ok((consistency, condition)),
        _ => Err(ApiError::invalid(errors)),
    }
}

/// The versions in `If-None-Match`, which the caller has.
///
/// # Errors
/// A [`FieldError`] on `If-None-Match`: `invalid_value`.
pub(crate) fn if_none_match(headers: &HeaderMap) -> Result<Option<Condition>, FieldError> {
    read(headers, &IF_NONE_MATCH, "If-None-Match", true)
}

// A list may be split over several lines (RFC 9110, section 5.3).
fn read(
    headers: &HeaderMap,
    name: &HeaderName,
    field: &'static str,
    weak: bool,
) -> Result<Option<Condition>, FieldError> {
    let lines = headers.get_all(name);
    // Bytes outside ASCII are allowed in a tag, though none of ours has any.
    let lines = lines.map(|line| String::from_utf8_lossy(line.as_bytes()));
    let lines: Vec<_> = lines.collect();
    if lines.is_empty() {
        return Ok(None);
    }
    Condition::parse(&lines.join(","), weak)
        .map(Some)
        .ok_or_else(|| {
            let message = "must be * or entity tags in double quotes, separated by commas";
            FieldError::new(field, "invalid_value", message)
        })
}

/// Adds the header `ETag`, if there is a tag.
pub(crate) fn tagged(
    mut response: HttpResponseBuilder,
    etag: Option<EntityTag>,
) -> HttpResponseBuilder {
    if let Some(etag) = etag {
        response.insert_header((ETAG, etag.to_string()));
    }
    response
}
