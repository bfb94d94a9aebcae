//! Reading of request headers.

use actix_web::http::header::HeaderMap;

/// The header's value, if it was sent exactly once and is visible ASCII.
pub fn single_header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    value.to_str().ok()
}
