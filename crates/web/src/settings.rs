//! The settings of the HTTP server.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::watch;
use tokio_rustls::rustls::ServerConfig;
use tracing::Span;

use crate::request_log::LogRequest;

/// How connections are served.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Threads that serve requests.
    pub workers: usize,
    /// Maximum time for a TLS handshake, and then for a request's head, to arrive.
    pub header_timeout: Duration,
    /// Maximum time in which a client reads nothing of its response.
    pub write_timeout: Duration,
    /// Maximum time that an idle connection is kept.
    pub keep_alive: Duration,
    /// Maximum time that requests in progress may take after the server was asked to stop.
    pub shutdown_timeout: Duration,
    /// Maximum number of open connections, over all workers.
    pub max_connections: usize,
    /// The TLS configuration; a new connection uses the newest value. `None`: plain HTTP.
    pub tls: Option<watch::Receiver<Arc<ServerConfig>>>,
}

/// How requests are handled.
#[derive(Debug, Clone, Copy)]
pub struct WebSettings {
    /// Maximum time that each step of a request (key, role, operation) may wait for the database.
    pub request_timeout: Duration,
    /// Maximum time for a request's body to arrive.
    pub body_timeout: Duration,
    /// Maximum sizes of a request.
    pub sizes: RequestSizes,
    /// Callers without an API key must name a loopback host in `Host`. This stops a web page that
    /// rebinds its own host name to this machine's address.
    pub anonymous_needs_loopback_host: bool,
    /// Whether connections have TLS.
    pub tls: bool,
    /// Whether `/metrics` has its own listener, and is absent from the API's.
    pub separate_metrics_listener: bool,
    /// Whether `/docs` and `/openapi.json` are served.
    pub docs: bool,
    /// Whether credentials can be used without a reveal.
    pub relay: bool,
    /// Whether metrics count requests by organization id.
    pub metrics_by_organization: bool,
    /// What only the program knows about its process and its log.
    pub process: ProcessInfo,
    /// Continues the trace that a request's sender began. `None`: traces are not collected.
    pub adopt_trace: Option<AdoptTrace>,
}

/// Maximum sizes of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestSizes {
    /// Maximum bytes of the URL's path and query.
    pub url: usize,
    /// Maximum number of header fields.
    pub headers: usize,
    /// Maximum bytes of all header fields together: names, values, and 4 for each field.
    pub header_bytes: usize,
    /// Maximum bytes of the body.
    pub body: usize,
}

impl Default for RequestSizes {
    fn default() -> Self {
        Self {
            url: 8 * 1024,
            headers: 64,
            header_bytes: 16 * 1024,
            body: 64 * 1024,
        }
    }
}

/// Rate limits, and the proxies whose `X-Forwarded-For` is trusted.
#[derive(Debug, Clone, Default)]
pub struct LimitSettings {
    /// Requests of one API key or OAuth 2.0 client. `None`: unlimited.
    pub per_key: Option<Rate>,
    /// Requests of one organization, over all of its keys. `None`: unlimited.
    pub per_organization: Option<Rate>,
    /// Access tokens that one OAuth 2.0 client obtains. `None`: unlimited.
    pub tokens: Option<Rate>,
    /// Failed authentications from one address. `None`: unlimited.
    pub failures: Option<Rate>,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
}

/// A token bucket's size and refill rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Tokens that are added within `per`.
    pub count: NonZeroU32,
    /// One second or longer.
    pub per: Duration,
    /// Tokens in a full bucket.
    pub burst: NonZeroU32,
}

/// What only the program knows about its process and its log.
#[derive(Debug, Clone, Copy)]
pub struct ProcessInfo {
    /// Logs an answered request.
    pub log_request: LogRequest,
    /// Log lines that were dropped because they were not read fast enough.
    pub log_lines_dropped: fn() -> usize,
}

impl Default for ProcessInfo {
    fn default() -> Self {
        Self {
            log_request: |_| (),
            log_lines_dropped: || 0,
        }
    }
}

/// Makes the span part of the trace that `traceparent` and `tracestate` name, if they are valid.
pub type AdoptTrace = fn(&Span, Option<&str>, Option<&str>);
