//! The cookies of the console.

use actix_web::HttpRequest;
use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use strongroom_web::client_ip::is_https;
use zeroize::Zeroizing;

/// The name of the session's cookie over HTTPS. Browsers accept a name that begins like this only
/// from the host itself, over HTTPS.
const SECURE: &str = "__Host-strongroom";
/// The name of the session's cookie over plain HTTP.
const PLAIN: &str = "strongroom_console";
/// The names of the cookie with what happened, for the next page, over HTTPS and plain HTTP.
const SECURE_FLASH: &str = "__Host-strongroom-flash";
const PLAIN_FLASH: &str = "strongroom_flash";
/// Seconds for which that waits for the next page.
const FLASH_SECONDS: u32 = 60;

/// The text of the session that `request` names.
pub(crate) fn session(request: &HttpRequest) -> Option<&str> {
    read(request, session_name(request))
}

/// Sets or, without `text`, removes the session's cookie.
pub(crate) fn set_session(request: &HttpRequest, headers: &mut HeaderMap, text: Option<&str>) {
    let attributes = attributes(request);
    let end = match text {
        Some(_) => "",
        None => "; Max-Age=0",
    };
    let (name, text) = (session_name(request), text.unwrap_or_default());
    // The text is secret, so that its copies are wiped, as far as they are not the HTTP library's.
    let rest = format!("; {attributes}; HttpOnly; SameSite=Strict{end}");
    let mut cookie = Zeroizing::new(String::with_capacity(
        name.len() + 1 + text.len() + rest.len(),
    ));
    for part in [name, "=", text, &rest] {
        cookie.push_str(part);
    }
    append(headers, &cookie);
}

/// What happened before this page was requested.
pub(crate) fn flash(request: &HttpRequest) -> Option<&str> {
    read(request, flash_name(request))
}

/// Sets or, without `text`, removes the cookie with what happened. `text` is made of letters,
/// digits, `_`, `-` and `.`.
pub(crate) fn set_flash(request: &HttpRequest, headers: &mut HeaderMap, text: Option<&str>) {
    let seconds = text.map_or(0, |_| FLASH_SECONDS);
    let (name, text) = (flash_name(request), text.unwrap_or_default());
    let attributes = attributes(request);
    append(
        headers,
        &format!("{name}={text}; {attributes}; HttpOnly; SameSite=Strict; Max-Age={seconds}"),
    );
}

fn attributes(request: &HttpRequest) -> &'static str {
    match is_https(request) {
        true => "Path=/; Secure",
        false => "Path=/console",
    }
}

fn flash_name(request: &HttpRequest) -> &'static str {
    match is_https(request) {
        true => SECURE_FLASH,
        false => PLAIN_FLASH,
    }
}

fn session_name(request: &HttpRequest) -> &'static str {
    match is_https(request) {
        true => SECURE,
        false => PLAIN,
    }
}

// Of two cookies with one name, another host or path has planted one, and nothing says which: they
// count as absent.
fn read<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    let lines = request.headers().get_all(COOKIE);
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let mut values = pairs.filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key.trim() == name).then(|| value.trim())
    });
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

fn append(headers: &mut HeaderMap, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        headers.append(SET_COOKIE, cookie);
    }
}
