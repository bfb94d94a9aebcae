//! Requests to other hosts, over HTTP/1.1 and TLS: to DNS names only, whose addresses are all
//! checked, over connections to exactly these addresses. Implements the domain's port
//! [`Egress`](strongroom_domain::ports::egress::Egress). Follows no redirect and uses no proxy.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod addresses;
mod answer_body;
mod client;
mod connector;
mod exchange;
mod in_flight;
mod own_endpoints;
mod pool;
mod request_body;
mod resolver;
mod settings;
mod tls;

pub use crate::client::{EgressClient, EgressStartError};
pub use crate::settings::{EgressSettings, InFlightLimits, OwnEndpoint};
