use std::time::Duration;

use actix_web::{HttpResponse, web};
use strongroom_domain::VaultError;

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::state::AppState;

/// Longest time the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// `GET /healthz`: 200 while the process runs, whatever its surroundings do.
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Envelope::success("alive"))
}

/// `GET /readyz`: 200 when requests can be served, 503 when the database is away.
pub(super) async fn ready(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let vault = state.vault()?;
    let answered = tokio::time::timeout(PATIENCE, vault.ping()).await;
    answered.unwrap_or_else(|_| Err(VaultError::Unavailable("the database is slow".into())))?;
    Ok(HttpResponse::Ok().json(Envelope::success("ready")))
}
