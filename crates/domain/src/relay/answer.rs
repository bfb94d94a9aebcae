//! What of an upstream's answer reaches the caller.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;

use crate::egress::{AnswerPart, AnswerStream, EgressAnswer, EgressError};
use crate::relay::error::RelayError;
use crate::relay::policy::ScrubMode;
use crate::relay::request::connection_headers;
use crate::relay::scrubber::{Replacement, ScrubStream, Scrubber};

/// Headers of one connection, and those that would concern the relay's own name: cookies, other
/// ways to reach it, what a browser is to keep of it.
const DROPPED: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "set-cookie",
    "set-cookie2",
    "alt-svc",
    "strict-transport-security",
    "public-key-pins",
    "clear-site-data",
    "service-worker-allowed",
];

/// The head of an answer, and its body.
#[derive(Debug)]
pub struct RelayHead {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, Bytes)>,
    /// The number of bytes of the body, where the upstream announced it.
    pub length: Option<u64>,
    /// How many secrets were hidden in headers.
    pub redactions: u64,
}

/// Splits an answer into what is passed on of its head, and its body without secrets.
///
/// # Errors
/// [`RelayError::Unscrubbable`] if secrets could not be found in the body.
pub fn scrubbed(
    answer: EgressAnswer,
    scrubber: &Scrubber,
    mode: ScrubMode,
) -> Result<(RelayHead, ScrubbedBody), RelayError> {
    if mode == ScrubMode::Full {
        check_scrubbable(&answer)?;
    }
    let sent = answer.headers.iter();
    let named = connection_headers(sent.map(|(name, value)| (name.as_str(), &value[..])));
    let mut head = RelayHead {
        status: answer.status,
        headers: Vec::new(),
        length: length(&answer.headers),
        redactions: 0,
    };
    for (name, value) in answer.headers {
        let dropped = DROPPED.contains(&name.as_str())
            || name.starts_with("slashid-")
            || named.contains(&name);
        if dropped {
            continue;
        }
        if mode == ScrubMode::Off {
            head.headers.push((name, value));
            continue;
        }
        if scrubber.scrubbed(name.as_bytes()).is_some() {
            head.redactions += 1;
            continue;
        }
        match scrubber.scrubbed(&value) {
            Some(clean) => {
                head.redactions += 1;
                head.headers.push((name, clean.into()));
            }
            None => head.headers.push((name, value)),
        }
    }
    let replacement = match head.length {
        Some(_) => Replacement::SameLength,
        None => Replacement::Short,
    };
    let body = ScrubbedBody {
        body: answer.body,
        scrub: (mode == ScrubMode::Full).then(|| scrubber.stream(replacement)),
        ended: false,
    };
    Ok((head, body))
}

fn check_scrubbable(answer: &EgressAnswer) -> Result<(), RelayError> {
    let all = |name: &str| {
        let named = answer.headers.iter().filter(|(one, _)| *one == *name);
        named
            .map(|(_, value)| value.to_ascii_lowercase())
            .collect::<Vec<_>>()
    };
    let is_identity = |value: &Vec<u8>| {
        let mut codings = value.split(|byte| *byte == b',');
        codings.all(|one| matches!(one.trim_ascii(), b"identity" | b""))
    };
    if !all("content-encoding").iter().all(is_identity) {
        return Err(RelayError::Unscrubbable(
            "the answer has a Content-Encoding, although identity was asked for",
        ));
    }
    let is_chunked = |value: &Vec<u8>| value.trim_ascii() == b"chunked";
    if !all("transfer-encoding").iter().all(is_chunked) {
        return Err(RelayError::Unscrubbable(
            "the answer has a transfer coding but chunked",
        ));
    }
    let is_part = |value: &Vec<u8>| value.starts_with(b"multipart/byteranges");
    if answer.status == 206 || all("content-type").iter().any(is_part) {
        return Err(RelayError::Unscrubbable(
            "the answer is a part of one, although no part was asked for",
        ));
    }
    Ok(())
}

fn length(headers: &[(String, Bytes)]) -> Option<u64> {
    let value = headers.iter().find(|(name, _)| name == "content-length");
    std::str::from_utf8(&value?.1).ok()?.trim().parse().ok()
}

/// The body of an answer without secrets. After an error, what was held back is gone.
pub struct ScrubbedBody {
    body: AnswerStream,
    scrub: Option<ScrubStream>,
    ended: bool,
}

impl std::fmt::Debug for ScrubbedBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a scrubbed body")
    }
}

impl ScrubbedBody {
    /// How many secrets were hidden so far.
    #[must_use]
    pub fn redactions(&self) -> u64 {
        self.scrub.as_ref().map_or(0, ScrubStream::redactions)
    }

    fn take(&mut self, data: Bytes) -> Bytes {
        match &mut self.scrub {
            Some(scrub) => scrub.push(data),
            None => data,
        }
    }
}

impl Stream for ScrubbedBody {
    type Item = Result<Bytes, EgressError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            let part = ready!(self.body.as_mut().poll_next(context));
            let data = match part {
                Some(Ok(AnswerPart::Data(data))) => self.take(data),
                // The connection to the caller carries no trailers.
                Some(Ok(AnswerPart::Trailers(_))) => continue,
                Some(Err(error)) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    self.ended = true;
                    self.scrub
                        .as_mut()
                        .map(ScrubStream::finish)
                        .unwrap_or_default()
                }
            };
            if !data.is_empty() {
                return Poll::Ready(Some(Ok(data)));
            }
        }
    }
}
