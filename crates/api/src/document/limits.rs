//! What limits answer, and the headers that tell of them.

use utoipa::openapi::{Header, HeaderBuilder, Response, ResponseBuilder};

use super::plain::plain;
use super::responses::{failure, named};
use super::schemas::{text, whole};
use crate::error::ApiError;
use crate::guard::{RequestSizes, headers_too_large, url_too_long};

const URL: &str =
    "The URL's path and query have more bytes than `max_url` allows, 8192 by default.";
const HEADERS: &str = "There are more header fields than `max_headers` allows, 64 by default, or they have more bytes \
                       than `max_header_bytes` allows, 16384 by default.";
const TOO_MANY: &str = "`rate_limited`: the API key or its organization has asked for more than it may. \
                        `too_many_failures`: too many authentications failed from the sender's address. Nothing was done.";

/// Headers of answers to those who are who they say, where there are limits.
pub(super) fn standing_headers() -> [(&'static str, Header); 2] {
    let header = |description: &str, pattern: &str| {
        HeaderBuilder::new()
            .schema(Some(text().pattern(Some(pattern))))
            .description(Some(description))
            .build()
    };
    [
        (
            "RateLimit-Policy",
            header(
                "The limits: `q` requests at once, all of which come back in `w` seconds \
                 (draft-ietf-httpapi-ratelimit-headers-10). Absent where there is no limit.",
                r#"^"[a-z]+";q=[0-9]+;w=[0-9]+(, "[a-z]+";q=[0-9]+;w=[0-9]+)*$"#,
            ),
        ),
        (
            "RateLimit",
            header(
                "What is left of them: `r` requests now, and all of them in `t` seconds. Absent where there is no limit.",
                r#"^"[a-z]+";r=[0-9]+;t=[0-9]+(, "[a-z]+";r=[0-9]+;t=[0-9]+)*$"#,
            ),
        ),
    ]
}

/// Answers to requests that are too large before anybody looks at them, as any operation may give them.
pub(super) fn oversized(is_plain: bool, is_head: bool) -> [(&'static str, Response); 2] {
    let sizes = RequestSizes::default();
    let response = |name: &str, description: &str, example: ApiError| {
        if is_head {
            return ResponseBuilder::new().description(description).build();
        }
        if is_plain {
            return named(&format!("Plain{name}"), plain(description, example).build());
        }
        named(name, failure(description, &[], &example).build())
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
    let example = ApiError::rate_limited("key", 1);
    failure(TOO_MANY, &["too_many_failures"], &example).header("Retry-After", wait_header())
}

/// 429 as plain text.
pub(super) fn too_many_plain() -> ResponseBuilder {
    plain(TOO_MANY, ApiError::rate_limited("key", 1)).header("Retry-After", wait_header())
}

fn wait_header() -> Header {
    HeaderBuilder::new()
        .schema(Some(whole(1, i64::from(u32::MAX))))
        .description(Some("Seconds after which to try again."))
        .build()
}
