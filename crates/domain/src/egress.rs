//! Requests to other hosts, and their answers.

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use strongroom_crypto::SecretBytes;

use crate::host_name::HostName;
use crate::ids::OrgId;

/// Where a request goes, and for which organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The organization whose share of the requests in flight it takes.
    pub org: OrgId,
    /// The name, which is resolved, sent in TLS and verified in the certificate.
    pub host: HostName,
    /// The TCP port.
    pub port: u16,
}

/// How long a request may take, and how large its answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeLimits {
    /// From the last byte of the request to the head of its answer.
    pub head: Duration,
    /// Between two parts of a body, in either direction.
    pub idle: Duration,
    /// From the beginning of the request to the end of its answer.
    pub total: Duration,
    /// Most bytes of the answer's body.
    pub answer_bytes: u64,
}

impl Default for ExchangeLimits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(600),
            answer_bytes: 10 * 1024 * 1024,
        }
    }
}

/// A name and value of a header. The value may be secret.
#[derive(Clone)]
pub struct HeaderField {
    /// The name, in lower case.
    pub name: String,
    /// The bytes of the value.
    pub value: SecretBytes,
}

impl HeaderField {
    /// The header `name`, which is given in lower case, with `value`.
    #[must_use]
    pub fn new(name: &str, value: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            value: SecretBytes::new(value.to_vec()),
        }
    }
}

impl fmt::Debug for HeaderField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: [redacted]", self.name)
    }
}

/// Parts of a request's body, as its sender sends them.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;

/// A request's body that ended early, or grew too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The sender did not send all of it.
    #[error("the body of the request ended early")]
    Incomplete,
    /// It is larger than it may be.
    #[error("the body of the request is too large")]
    TooLarge,
}

/// The body of a request.
pub enum RequestBody {
    /// No body, and no header that announces one.
    None,
    /// A body at hand.
    Bytes(SecretBytes),
    /// A body that is sent as it arrives; with its length, if that is known.
    Stream(BodyStream, Option<u64>),
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Bytes(_) => "bytes",
            Self::Stream(..) => "stream",
        })
    }
}

/// A request. `Host` and the framing of the body are the port's own.
#[derive(Debug)]
pub struct EgressRequest {
    /// The method, such as `GET`.
    pub method: String,
    /// Path and query, from the first `/` on. The query may be secret.
    pub target: SecretBytes,
    /// The headers.
    pub headers: Vec<HeaderField>,
    /// The body.
    pub body: RequestBody,
    /// How long it may take.
    pub limits: ExchangeLimits,
}

/// The head of an answer, and its body.
pub struct EgressAnswer {
    /// The status.
    pub status: u16,
    /// The headers in their order, names in lower case.
    pub headers: Vec<(String, Bytes)>,
    /// The body. It ends with an error when it was cut off.
    pub body: AnswerStream,
}

impl fmt::Debug for EgressAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an answer with status {}", self.status)
    }
}

/// The parts of an answer's body.
pub type AnswerStream = Pin<Box<dyn Stream<Item = Result<AnswerPart, EgressError>> + Send>>;

/// A part of an answer's body.
#[derive(Debug)]
pub enum AnswerPart {
    /// Bytes of the body.
    Data(Bytes),
    /// Headers after the body.
    Trailers(Vec<(String, Bytes)>),
}

/// Why a request was not sent, or has no answer. Texts name no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// As many requests are in flight as may be: in all, of the organization, or to the host.
    #[error("too many requests are in flight {0}")]
    Busy(&'static str),
    /// An address of the host is not one that requests may go to. Nothing was sent.
    #[error("{host} has the address {address}, which requests may not go to")]
    AddressRefused {
        /// The name.
        host: HostName,
        /// The address, for the log.
        address: IpAddr,
    },
    /// The name has no address, or no address accepts a connection.
    #[error("{0}")]
    Unreachable(String),
    /// The certificate was refused, or TLS failed otherwise.
    #[error("TLS: {0}")]
    Tls(String),
    /// What arrived is not a valid answer, or larger than it may be.
    #[error("{0}")]
    Protocol(String),
    /// The host did not answer, or not go on, in time.
    #[error("no answer in time: {0}")]
    Timeout(&'static str),
    /// The body of the request failed.
    #[error(transparent)]
    Body(BodyError),
    /// The request cannot be put on the wire, such as for a line end in a header.
    #[error("the request cannot be sent: {0}")]
    Request(&'static str),
}
