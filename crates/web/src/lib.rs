//! The HTTP server below every surface: connections and TLS, request sizes, rate limits,
//! authentication, metrics and middleware.
//!
//! A surface, such as the API, brings its routes and renders errors: [`surface::Surface`].
#![warn(clippy::large_futures)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod auth;
pub mod body;
pub mod body_stream;
pub mod client_ip;
mod connection_state;
pub mod fields;
pub mod form;
pub mod headers;
mod log_throttle;
pub mod metrics;
mod middleware;
pub mod query;
pub mod rate_limit;
pub mod refusal;
mod request_id;
pub mod request_log;
pub mod server;
pub mod settings;
pub mod sizes;
pub mod state;
pub mod surface;

pub use actix_web::dev::{Server, ServerHandle};

pub use crate::request_id::with_current as with_request_id;
