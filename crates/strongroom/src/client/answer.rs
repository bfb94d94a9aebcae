use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use ureq::http::HeaderMap;
use zeroize::Zeroizing;

use crate::error::CommandError;

/// Most characters that are shown of an answer that is not from a Strongroom server.
const MAX_SHOWN: usize = 200;

/// A server's answer. It may contain a secret.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The server's time.
    pub(crate) date: Option<DateTime<Utc>>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    meta: Meta,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Meta {
    cursor_pagination: Option<CursorPagination>,
}

#[derive(Deserialize)]
struct CursorPagination {
    cursor: String,
}

#[derive(Deserialize)]
struct Failure {
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    message: String,
    code: Option<String>,
    #[serde(default)]
    readers: Vec<String>,
}

impl Answer {
    /// The answer, unless its status is that of a failure.
    ///
    /// # Errors
    /// The server's messages, with the status and the code.
    pub(crate) fn accepted(self) -> Result<Self, CommandError> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        Err(CommandError::Server(self.messages()))
    }

    /// Why the server refused or failed.
    pub(crate) fn messages(&self) -> Vec<String> {
        let status = self.status;
        let problems = self.problems();
        if problems.is_empty() {
            let text = String::from_utf8_lossy(&self.body);
            let text = printable(text.chars().take(MAX_SHOWN).collect());
            return vec![format!("the server answered with status {status}: {text}")];
        }
        let message = |problem: Problem| {
            let code = problem
                .code
                .map_or_else(String::new, |code| format!(", {code}"));
            let login = match status {
                401 => "; `strongroom login` replaces the profile's key",
                _ => "",
            };
            printable(format!(
                "{} (status {status}{code}){login}",
                problem.message
            ))
        };
        problems.into_iter().map(message).collect()
    }

    /// The readers that a refusal names.
    pub(crate) fn readers(&self) -> Vec<String> {
        let problems = self.problems().into_iter();
        let readers = problems.flat_map(|problem| problem.readers);
        readers.map(printable).collect()
    }

    fn problems(&self) -> Vec<Problem> {
        let failure: Option<Failure> = serde_json::from_slice(&self.body).ok();
        failure.map(|failure| failure.errors).unwrap_or_default()
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `result`, read as `T`.
    pub(crate) fn result<'a, T: Deserialize<'a>>(&'a self) -> Result<T, CommandError> {
        let result = self.envelope()?.result.ok_or_else(foreign)?;
        serde_json::from_str(result.get()).map_err(|_| foreign())
    }

    /// The position of the next page, if this page of a list is not the last.
    pub(crate) fn next_page(&self) -> Result<Option<String>, CommandError> {
        let pagination = self.envelope()?.meta.cursor_pagination;
        let cursor = pagination.map(|pagination| pagination.cursor);
        Ok(cursor.filter(|cursor| !cursor.is_empty()))
    }

    fn envelope(&self) -> Result<Envelope<'_>, CommandError> {
        serde_json::from_slice(&self.body).map_err(|_| foreign())
    }
}

// Without the parser's error, which may quote a secret.
fn foreign() -> CommandError {
    CommandError::Failed("the answer does not have the form of a Strongroom server's".into())
}

// A terminal would obey control characters.
fn printable(text: String) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            date: None,
            headers: HeaderMap::new(),
            body: Zeroizing::new(body.into()),
        }
    }

    #[test]
    fn failures_have_status_and_code() {
        let body = r#"{"meta":{},"errors":[{"httpcode":400,"message":"a","code":"required"},
                      {"httpcode":400,"message":"b\u001b[2J"}]}"#;
        let messages = answer(400, body).messages();
        assert_eq!(messages, ["a (status 400, required)", "b [2J (status 400)"]);
        let html = answer(502, "<html>\u{7}").messages();
        assert_eq!(html, ["the server answered with status 502: <html> "]);
    }

    #[test]
    fn a_refusal_may_name_readers() {
        let body = r#"{"errors":[{"message":"a","code":"still_read","readers":["k","\u001bc"]}]}"#;
        assert_eq!(answer(409, body).readers(), ["k", " c"]);
        let other = r#"{"errors":[{"message":"a"}]}"#;
        assert!(answer(409, other).readers().is_empty());
    }

    #[test]
    fn a_result_that_does_not_fit_is_not_quoted() {
        let answer = answer(200, r#"{"meta":{},"errors":[],"result":{"id":"canary"}}"#);
        let error = answer.result::<Vec<u8>>().unwrap_err().to_string();
        assert!(!error.contains("canary"), "{error}");
        assert!(answer.result::<&RawValue>().is_ok());
        assert_eq!(answer.next_page().unwrap(), None);
    }
}
