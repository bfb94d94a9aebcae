//! OAuth 2.0 clients and their access tokens (RFC 6749, client credentials).

pub mod client;
pub mod token;
