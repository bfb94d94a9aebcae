use std::error::Error;
use std::io::ErrorKind;
use std::pin::pin;

use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use hyper::http::uri::PathAndQuery;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use strongroom_domain::egress::{EgressError, EgressRequest, ExchangeLimits, HeaderField};
use tokio::time::{Instant, timeout_at};

use crate::pool::Key;
use crate::request_body::{OutgoingBody, Progress, WaitingFor};

/// The port that `Host` does not name.
const HTTPS: u16 = 443;
/// The answer's head came too late.
pub(crate) const HEAD: EgressError = EgressError::Timeout("the head of the answer");
/// The whole exchange took too long.
pub(crate) const TOTAL: EgressError = EgressError::Timeout("the end of the answer");

const CUT: &str = "the connection ended before the answer did";

/// The message to send, with `Host` as the destination has it.
///
/// # Errors
/// [`EgressError::Request`].
pub(crate) fn message(
    key: &Key,
    request: &EgressRequest,
    body: OutgoingBody,
) -> Result<Request<OutgoingBody>, EgressError> {
    let mut message = Request::new(body);
    *message.method_mut() = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| EgressError::Request("its method is none"))?;
    let target = PathAndQuery::try_from(request.target.expose())
        .map_err(|_| EgressError::Request("its path or query has a byte that may not be there"))?;
    *message.uri_mut() = Uri::from(target);
    let port = key.address.port();
    let host = match port {
        HTTPS => key.host.to_string(),
        _ => format!("{}:{port}", key.host),
    };
    let headers = message.headers_mut();
    add(headers, &HeaderField::new(HOST.as_str(), host.as_bytes()))?;
    for header in &request.headers {
        if header.name.as_bytes() != HOST.as_str().as_bytes() {
            add(headers, header)?;
        }
    }
    // The body's own framing is the only one.
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    Ok(message)
}

fn add(headers: &mut HeaderMap, header: &HeaderField) -> Result<(), EgressError> {
    let name = hyper::header::HeaderName::from_bytes(header.name.as_bytes());
    let name = name.map_err(|_| EgressError::Request("a header's name is none"))?;
    let value = hyper::header::HeaderValue::from_bytes(header.value.expose());
    let mut value =
        value.map_err(|_| EgressError::Request("a header's value has a control character"))?;
    value.set_sensitive(true);
    headers.append(name, value);
    Ok(())
}

/// Waits for the head of the answer: the host's time begins when the request has left.
///
/// # Errors
/// [`EgressError::Timeout`].
pub(crate) async fn within<T>(
    answer: impl Future<Output = T>,
    progress: &Progress,
    limits: ExchangeLimits,
    end: Instant,
) -> Result<T, EgressError> {
    let mut answer = pin!(answer);
    loop {
        let (waiting, until) = match progress.waiting_for() {
            waiting @ (WaitingFor::Sender(since) | WaitingFor::Receiver(since)) => {
                (waiting, since + limits.idle)
            }
            waiting @ WaitingFor::Answer(since) => (waiting, since + limits.head),
        };
        if let Ok(answer) = timeout_at(until.min(end), &mut answer).await {
            return Ok(answer);
        }
        if Instant::now() >= end {
            return Err(TOTAL);
        }
        if progress.waiting_for() == waiting {
            return Err(match waiting {
                WaitingFor::Sender(_) => EgressError::Timeout("the body of the request"),
                WaitingFor::Receiver(_) => EgressError::Timeout("taking the request"),
                WaitingFor::Answer(_) => HEAD,
            });
        }
    }
}

/// Refuses an answer that two readers could see end at different places, or that leaves HTTP.
///
/// # Errors
/// [`EgressError::Protocol`].
pub(crate) fn checked(response: Response<Incoming>) -> Result<Response<Incoming>, EgressError> {
    let headers = response.headers();
    if headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH) {
        let why = "the answer has both Content-Length and Transfer-Encoding";
        return Err(EgressError::Protocol(why.into()));
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(EgressError::Protocol(
            "the answer changes the protocol".into(),
        ));
    }
    Ok(response)
}

/// The error of an exchange that `error` ended.
pub(crate) fn exchange_error(error: &hyper::Error, progress: &Progress) -> EgressError {
    if let Some(failure) = progress.failure() {
        return EgressError::Body(failure);
    }
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return io_error(io);
        }
        cause = inner.source();
    }
    match error {
        error if error.is_parse_too_large() => {
            EgressError::Protocol("the head of the answer is too large".into())
        }
        error if error.is_parse() => EgressError::Protocol("the answer is no HTTP/1.1".into()),
        error if error.is_canceled() || error.is_closed() => {
            EgressError::Unreachable("the connection was closed".into())
        }
        _ => EgressError::Protocol(CUT.into()),
    }
}

fn io_error(error: &std::io::Error) -> EgressError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref());
    match (tls, error.kind()) {
        (Some(error), _) => EgressError::Tls(rustls::Error::to_string(error)),
        // The HTTP library's own errors about chunks.
        (None, ErrorKind::InvalidInput | ErrorKind::InvalidData) => {
            EgressError::Protocol("the answer's body is no HTTP/1.1".into())
        }
        (None, ErrorKind::UnexpectedEof) => EgressError::Protocol(CUT.into()),
        (None, kind) => EgressError::Unreachable(format!("the connection broke: {kind}")),
    }
}
