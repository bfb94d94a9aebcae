//! The page to which one returns after signing in.

use actix_web::HttpRequest;
use actix_web::http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::paths::{CONSOLE, SIGN_IN};

/// Longest path that is kept.
const LONGEST: usize = 1024;

/// The path of the form with which a session begins, and then `request` is repeated, if that only
/// reads.
pub(crate) fn for_return(request: &HttpRequest) -> String {
    let wanted = request
        .uri()
        .path_and_query()
        .map_or("", |path| path.as_str());
    let is_read = request.method() == Method::GET;
    match Some(wanted).filter(|_| is_read).and_then(own_page) {
        Some(wanted) if wanted != CONSOLE => {
            format!(
                "{SIGN_IN}?next={}",
                utf8_percent_encode(wanted, NON_ALPHANUMERIC)
            )
        }
        _ => SIGN_IN.to_owned(),
    }
}

/// `path`, if it is a page of the console, and nothing that a browser takes for another host.
pub(crate) fn own_page(path: &str) -> Option<&str> {
    let below = path.strip_prefix(CONSOLE)?;
    let begins = below.is_empty() || below.starts_with(['/', '?']);
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    let plain = path.len() <= LONGEST && path.bytes().all(is_plain);
    (begins && plain && stays_below(below)).then_some(path)
}

// A browser reads `%2e` as a dot, and a path that begins with `//` as another host.
fn stays_below(path: &str) -> bool {
    let end = path.find(['?', '#']).unwrap_or(path.len());
    let path = path[..end].to_ascii_lowercase().replace("%2e", ".");
    !path.contains("//") && path.split('/').all(|segment| segment != "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_the_console_are_returned_to() {
        for own in [
            "/console",
            "/console/x?y=%20",
            "/console?x",
            "/console/x?y=a//b/../c",
            "/console/x..y",
        ] {
            assert_eq!(own_page(own), Some(own));
        }
        for other in [
            "",
            "/",
            "//x",
            "https://x/console",
            "/consolex",
            "/console//x",
            "/console/..//x",
            "/console/../x",
            "/console/x/..",
            "/console/.%2E//x",
            "/console/%2e%2e/x?y",
            "/console/\\x",
            "/console/\r\nx",
            "/console/é",
        ] {
            assert_eq!(own_page(other), None, "{other}");
        }
    }
}
