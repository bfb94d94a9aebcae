use actix_web::{HttpResponse, web};
use strongroom_domain::VaultError;

use crate::error::ApiError;
use crate::state::AppState;

/// `GET /metrics`: 200 with this process's metrics in Prometheus's text format. Needs no key, and tells nothing
/// of any organisation.
pub(super) async fn handle(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let text = state
        .metrics
        .text()
        .map_err(|error| VaultError::Internal(error.to_string()))?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(text))
}
