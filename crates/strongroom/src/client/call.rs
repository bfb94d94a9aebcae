use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::Method;

/// Longest time for a request that waits for no region.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A request to a server.
pub(crate) struct Call<'a> {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<&'a [u8]>,
    pub(super) timeout: Duration,
    pub(super) repeatable: bool,
}

impl<'a> Call<'a> {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into())
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path.into())
    }

    pub(crate) fn patch(path: impl Into<String>, body: &'a [u8]) -> Self {
        Self::new(Method::PATCH, path.into()).with_body(body)
    }

    /// A request that is not repeated, unless [`Self::idempotent`].
    pub(crate) fn post(path: impl Into<String>, body: &'a [u8]) -> Self {
        Self::bare_post(path).with_body(body)
    }

    /// A POST without a body.
    pub(crate) fn bare_post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path.into()).once()
    }

    /// Forbids a repetition after a lost connection: its answer would not be that of the first
    /// request.
    pub(crate) fn once(self) -> Self {
        let repeatable = false;
        Self { repeatable, ..self }
    }

    fn new(method: Method, target: String) -> Self {
        Self {
            method,
            target,
            headers: Vec::new(),
            body: None,
            timeout: TIMEOUT,
            repeatable: true,
        }
    }

    fn with_body(self, body: &'a [u8]) -> Self {
        let body = Some(body);
        Self { body, ..self }.header("Content-Type", "application/json")
    }

    /// Adds a parameter to the query.
    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        let separator = if self.target.contains('?') { '&' } else { '?' };
        let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
        self.target += &format!("{separator}{name}={value}");
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Lets the server recognize a repetition by `key`.
    pub(crate) fn idempotent(self, key: &str) -> Self {
        let repeatable = true;
        let call = self.header("Idempotency-Key", key);
        Self { repeatable, ..call }
    }

    /// Requires that the write is readable at `level` within `seconds`.
    pub(crate) fn consistency(self, level: Option<&str>, seconds: Option<u64>) -> Self {
        let mut call = self;
        if let Some(level) = level {
            call = call.header("SlashID-Required-Consistency", level);
        }
        if let Some(seconds) = seconds {
            call = call.header("SlashID-Required-Consistency-Timeout", seconds.to_string());
            call.timeout += Duration::from_secs(seconds);
        }
        call
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_encoded() {
        let call = Call::get("/a").query("b", "c d&e=é").query("f", "");
        assert_eq!(call.target, "/a?b=c%20d%26e%3D%C3%A9&f=");
    }
}
