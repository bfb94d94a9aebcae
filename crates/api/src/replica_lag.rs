//! How far the region that a request reads from is behind the primary.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, HttpResponseBuilder};
use strongroom_domain::replication::Stale;

use crate::headers::REPLICA_LAG;

/// A lag in whole seconds, rounded up.
pub(crate) fn seconds(lag: Option<Duration>) -> String {
    lag.map_or_else(
        || "unknown".into(),
        |lag| lag.as_millis().div_ceil(1000).to_string(),
    )
}

/// Begins the response 200 to a read; see [`begin`].
pub(crate) fn ok(stale: Option<Stale>) -> HttpResponseBuilder {
    begin(StatusCode::OK, stale)
}

/// Begins the response to a read. `stale` is the region's lag before the read, if it was too large.
pub(crate) fn begin(status: StatusCode, stale: Option<Stale>) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    if let Some(stale) = stale {
        response.insert_header((REPLICA_LAG, seconds(stale.lag)));
    }
    response
}
