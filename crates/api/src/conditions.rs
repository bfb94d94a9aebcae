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
    match (WriteConsistency::read(headers), if_match(headers)) {
        (Ok(consistency), Ok(condition)) => Ok((consistency, condition)),
        (consistency, condition) => {
            let mut errors = consistency.err().unwrap_or_default();
            errors.extend(condition.err());
            Err(ApiError::invalid(errors))
        }
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
    let values = headers.get_all(name).map(|value| value.to_str());
    let values: Result<Vec<_>, _> = values.collect();
    let values = values.ok();
    if values.as_ref().is_some_and(Vec::is_empty) {
        return Ok(None);
    }
    let condition = values.and_then(|values| Condition::parse(&values.join(","), weak));
    condition.map(Some).ok_or_else(|| {
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
