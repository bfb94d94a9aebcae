//! The HTTP surface: one file per endpoint, one extractor that yields an authorised caller, and one place
//! that turns the vault's errors into answers.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod authorized;
mod body;
mod consistency;
mod document;
mod envelope;
mod error;
mod metrics;
mod middleware;
mod query;
mod routes;
mod server;
mod staleness;
mod state;

pub use actix_web::dev::{Server, ServerHandle};
pub use document::openapi;
pub use metrics::ProcessInfo;
pub use middleware::AdoptTrace;
pub use server::{HttpSettings, run, run_metrics};
pub use state::{ApiSettings, AppState};
