use actix_web::HttpResponse;

use crate::envelope::Envelope;
use crate::openapi::schemas::{one_of, schemas, success};

schemas! {
    /// The process runs.
    Alive => success("Alive", one_of(["alive"]));
}

/// Reports that the process runs. Does not depend on the database.
#[utoipa::path(
    get, path = "/healthz", operation_id = "isAlive",
    responses((status = 200, description = "The process runs.", body = inline(Alive)))
)]
pub(in crate::routes) async fn handle() -> HttpResponse {
    HttpResponse::Ok().json(Envelope::success("alive"))
}

/// The same for `HEAD`.
pub(in crate::routes) mod head {
    use actix_web::HttpResponse;

    /// Reports that the process runs, without a body.
    #[utoipa::path(
        head, path = "/healthz", operation_id = "headAlive",
        responses((status = 200, description = "The process runs."))
    )]
    pub(in crate::routes) async fn handle() -> HttpResponse {
        super::handle().await
    }
}
