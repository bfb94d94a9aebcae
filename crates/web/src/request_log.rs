//! The log's line about a request.

use std::net::IpAddr;
use std::time::Duration;

use strongroom_domain::OrgId;
use strongroom_domain::api_key::refusal::RefusedKey;

/// What the log has about an answered request. There is no path, query, header or body in it: they
/// are the caller's text.
#[derive(Debug)]
pub struct RequestLine<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// The organization acted in, or the one of a refused key.
    pub org: Option<OrgId>,
    /// The method's name, or `other`.
    pub method: &'a str,
    /// The route's pattern.
    pub route: &'a str,
    /// The response's status code.
    pub status: u16,
    /// The error code that the caller received.
    pub error: Option<&'static str>,
    /// The key of this service that was refused.
    pub refused: Option<RefusedKey>,
    /// From the request's head to the response's.
    pub duration: Duration,
    /// The client's address.
    pub peer: Option<IpAddr>,
}

/// Logs an answered request.
pub type LogRequest = fn(&RequestLine<'_>);
