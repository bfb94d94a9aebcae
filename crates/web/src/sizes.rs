//! Limits on the size of a request's URL and header.

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;

use crate::refusal::Refusal;
use crate::settings::RequestSizes;

/// Refuses a request whose URL or header is too large.
pub(crate) fn check(max: &RequestSizes, request: &ServiceRequest) -> Result<(), Refusal> {
    let url = request.uri().path_and_query();
    if url.is_some_and(|url| url.as_str().len() > max.url) {
        return Err(url_too_long(max.url));
    }
    let (mut count, mut bytes) = (0, 0);
    for (name, value) in request.headers() {
        count += 1;
        bytes += name.as_str().len() + value.len() + 4;
    }
    if count > max.headers || bytes > max.header_bytes {
        return Err(headers_too_large(max));
    }
    Ok(())
}

/// 414.
#[must_use]
pub fn url_too_long(max: usize) -> Refusal {
    let message = format!("the URL's path and query must have at most {max} bytes");
    Refusal::new(StatusCode::URI_TOO_LONG, "url_too_long", message)
}

/// 431.
#[must_use]
pub fn headers_too_large(max: &RequestSizes) -> Refusal {
    let (count, bytes) = (max.headers, max.header_bytes);
    let message = format!(
        "the request must have at most {count} header fields, and these at most {bytes} bytes \
         together"
    );
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    Refusal::new(status, "headers_too_large", message)
}
