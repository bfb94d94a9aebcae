use std::time::Duration;

use actix_web::{HttpResponse, web};
use strongroom_domain::VaultError;
use strongroom_web::state::AppState;

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::responses::Unavailable;
use crate::openapi::schemas::{one_of, schemas, success};

/// Maximum time for the database to answer.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

schemas! {
    /// Requests can be served.
    Ready => success("Ready", one_of(["ready"]));
}

/// Reports whether requests can be served.
#[utoipa::path(
    get, path = "/readyz", operation_id = "isReady",
    responses(
        (status = 200, description = "Requests can be served.", body = inline(Ready)),
        Unavailable,
    )
)]
pub(in crate::routes) async fn handle(
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    if state.is_draining() {
        return Err(VaultError::Unavailable("this server is about to stop".into()).into());
    }
    let vault = state.vault()?;
    let answered = tokio::time::timeout(PING_TIMEOUT, vault.ping()).await;
    answered.unwrap_or_else(|_| Err(VaultError::Unavailable("the database is slow".into())))?;
    Ok(HttpResponse::Ok().json(Envelope::success("ready")))
}

/// The same for `HEAD`.
pub(in crate::routes) mod head {
    use actix_web::{HttpResponse, web};
    use strongroom_web::state::AppState;

    use crate::error::ApiError;

    /// Reports whether requests can be served, without a body.
    #[utoipa::path(
        head, path = "/readyz", operation_id = "headReady",
        responses(
            (status = 200, description = "Requests can be served."),
            (
                status = 503,
                description = "The database is unreachable, or this server is about to stop.",
                headers(("Retry-After" = String)),
            ),
        )
    )]
    pub(in crate::routes) async fn handle(
        state: web::Data<AppState>,
    ) -> Result<HttpResponse, ApiError> {
        super::handle(state).await
    }
}
