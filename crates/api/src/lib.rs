//! The API: its routes, one file for each operation, their OpenAPI document, and the format of its
//! responses. The server below it is `strongroom-web`.
#![warn(clippy::large_futures)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod app;
mod conditions;
mod consistency;
mod envelope;
mod error;
mod headers;
mod openapi;
mod paging;
mod paths;
mod plain_error;
mod presented;
mod public_error;
mod replica_lag;
mod routes;
mod secret_body;
mod times;
mod token_error;

pub use app::{openapi, surface};
