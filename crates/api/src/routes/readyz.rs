use std::time::Duration;

use actix_web::{HttpResponse, web};
use strongroom_domain::VaultError;

use crate::document::{Unavailable, one_of, schemas, success};
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::state::AppState;

/// Longest time the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

schemas! {
    /// The service can serve.
    Ready => success(one_of(["ready"]));
}

/// Tells whether requests can be served.
#[utoipa::path(
    get, path = "/readyz", operation_id = "isReady",
    responses((status = 200, description = "They can.", body = inline(Ready)), Unavailable)
)]
pub(super) async fn handle(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    if state.is_draining() {
        return Err(VaultError::Unavailable("this server is about to stop".into()).into());
    }
    let vault = state.vault()?;
    let answered = tokio::time::timeout(PATIENCE, vault.ping()).await;
    answered.unwrap_or_else(|_| Err(VaultError::Unavailable("the database is slow".into())))?;
    Ok(HttpResponse::Ok().json(Envelope::success("ready")))
}

/// The same for `HEAD`.
pub(super) mod head {
    use actix_web::{HttpResponse, web};

    use crate::error::ApiError;
    use crate::state::AppState;

    /// Tells whether requests can be served, without a body.
    #[utoipa::path(
        head, path = "/readyz", operation_id = "headReady",
        responses(
            (status = 200, description = "They can."),
            (status = 503, description = "The database is away, or this server is about to stop.", headers(("Retry-After" = String))),
        )
    )]
    pub(crate) async fn handle(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
        super::handle(state).await
    }
}
