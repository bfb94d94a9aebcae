//! Responses to requests that exceed a limit.

use strongroom_web::rate_limit::requests::rate_limited;
use strongroom_web::refusal::Refusal;
use strongroom_web::settings::RequestSizes;
use strongroom_web::sizes::{headers_too_large, url_too_long};
use utoipa::openapi::{Response, ResponseBuilder};

use crate::openapi::failure::{failure, named};
use crate::openapi::headers::rate_limit_retry_after;
use crate::openapi::plain_text::plain;

const URL: &str =
    "The URL's path and query have more bytes than `max_url` allows, 8192 by default.";
const HEADERS: &str = "There are more header fields than `max_headers` allows, 64 by default, or \
                       they have more bytes than `max_header_bytes` allows, 16384 by default.";
const TOO_MANY: &str = "`rate_limited`: the API key or its organization has exceeded its rate \
                        limit. `too_many_failures`: too many authentications from the sender's \
                        address failed. Nothing was done.";

/// The description of a 413.
pub(super) const BODY: &str = "The body has more bytes than `max_body` allows, 65536 by default.";

/// Responses of any operation to requests that are too large. They are sent before any other check.
pub(super) fn oversized(is_plain: bool, is_head: bool) -> [(&'static str, Response); 2] {
    let sizes = RequestSizes::default();
    let response = |name: &str, description: &str, example: Refusal| {
        if is_head {
            return ResponseBuilder::new().description(description).build();
        }
        if is_plain {
            return named(&format!("Plain{name}"), plain(description, example).build());
        }
        named(name, failure(description, &[], &example.into()).build())
    };
    [
        ("414", response("UrlTooLong", URL, url_too_long(sizes.url))),
        (
            "431",
            response("HeadersTooLarge", HEADERS, headers_too_large(&sizes)),
        ),
    ]
}

/// 429 in the envelope.
pub(super) fn too_many() -> ResponseBuilder {
    let example = rate_limited("key", 1).into();
    let response = failure(TOO_MANY, &["too_many_failures"], &example);
    response.header("Retry-After", rate_limit_retry_after())
}

/// 429 in plain text.
pub(super) fn too_many_plain() -> ResponseBuilder {
    plain(TOO_MANY, rate_limited("key", 1)).header("Retry-After", rate_limit_retry_after())
}
