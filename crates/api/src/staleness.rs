use actix_web::{HttpResponse, HttpResponseBuilder};
use strongroom_domain::replication::Stale;

use crate::error::{REPLICA_LAG, seconds};

/// Begins the answer to a read; `stale` is what the vault said of the region before it read.
pub(crate) fn ok(stale: Option<Stale>) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    if let Some(stale) = stale {
        response.insert_header((REPLICA_LAG, seconds(stale.lag)));
    }
    response
}
