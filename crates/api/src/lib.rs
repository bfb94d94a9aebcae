//! The HTTP surface: one file per endpoint, one extractor that yields an authorized caller, and one place
//! that turns the vault's errors into answers.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod authenticate;
mod authorized;
mod body;
mod client;
mod consistency;
mod document;
mod envelope;
mod error;
mod guard;
mod limits;
mod metrics;
mod middleware;
mod query;
mod routes;
mod server;
mod staleness;
mod state;

pub use actix_web::dev::{Server, ServerHandle};
pub use document::openapi;
pub use guard::RequestSizes;
pub use limits::{LimitSettings, Rate};
pub use metrics::ProcessInfo;
pub use middleware::AdoptTrace;
pub use server::{HttpSettings, run, run_metrics};
pub use state::{ApiSettings, AppState};
