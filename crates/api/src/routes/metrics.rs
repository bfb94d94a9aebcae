use actix_web::{HttpResponse, web};
use strongroom_domain::VaultError;

use super::fallback::unknown_path;
use crate::document::{failure, responses, schemas, text};
use crate::error::ApiError;
use crate::state::AppState;

schemas! {
    /// Prometheus's text format.
    Text => text();
}

responses! {
    /// They are not here.
    Elsewhere => [404 failure("The metrics have an address of their own (`metrics_listen`).", &[], &unknown_path())];
}

/// Shows this process's metrics in Prometheus's text format. They tell nothing of any organization, unless the operator
/// has them count requests by organization.
#[utoipa::path(
    get, path = "/metrics", operation_id = "showMetrics",
    responses(
        (
            status = 200, description = "Text format, version 0.0.4.", content_type = "text/plain", body = inline(Text),
            example = "# TYPE strongroom_replication_timeouts_total counter\nstrongroom_replication_timeouts_total 0\n",
        ),
        Elsewhere,
    )
)]
pub(super) async fn handle(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let text = state
        .metrics
        .text()
        .map_err(|error| VaultError::Internal(error.to_string()))?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(text))
}
