use actix_web::HttpResponse;

use crate::document::{one_of, schemas, success};
use crate::envelope::Envelope;

schemas! {
    /// The process runs.
    Alive => success(one_of(["alive"]));
}

/// Tells that the process runs, whatever its surroundings do.
#[utoipa::path(
    get, path = "/healthz", operation_id = "isAlive",
    responses((status = 200, description = "The process runs.", body = inline(Alive)))
)]
pub(super) async fn handle() -> HttpResponse {
    HttpResponse::Ok().json(Envelope::success("alive"))
}

/// The same for `HEAD`.
pub(super) mod head {
    use actix_web::HttpResponse;

    /// Tells that the process runs, without a body.
    #[utoipa::path(
        head, path = "/healthz", operation_id = "headAlive",
        responses((status = 200, description = "The process runs."))
    )]
    pub(crate) async fn handle() -> HttpResponse {
        super::handle().await
    }
}
