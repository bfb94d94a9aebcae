//! Whether a form was sent by a page of the console.

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, ORIGIN};
use strongroom_web::client_ip::is_https;

use crate::error::PageError;

const SITE: &str = "sec-fetch-site";

/// Checks that the browser says that a page of this host sent the request.
///
/// # Errors
/// 403 if another page did, or if the browser says nothing.
pub(crate) fn check(request: &HttpRequest) -> Result<(), PageError> {
    match is_own(request) {
        true => Ok(()),
        false => Err(PageError::foreign_form()),
    }
}

// `Sec-Fetch-Site` compares whole origins, also behind a proxy that changes `Host`. Browsers leave
// it out over plain HTTP.
fn is_own(request: &HttpRequest) -> bool {
    let header = |name| request.headers().get(name)?.to_str().ok();
    let host = header(HOST.as_str());
    let origin = header(ORIGIN.as_str()).and_then(|origin| origin.split_once("://"));
    let own_scheme = if is_https(request) { "https" } else { "http" };
    match (header(SITE), origin) {
        (Some(site), _) => site == "same-origin",
        (None, Some((scheme, origin))) => {
            scheme == own_scheme && host.is_some_and(|host| host.eq_ignore_ascii_case(origin))
        }
        (None, None) => false,
    }
}
