use actix_web::{HttpResponse, web};
use strongroom_web::state::AppState;

use crate::error::ApiError;
use crate::openapi::failure::failure;
use crate::openapi::responses::responses;
use crate::openapi::schemas::{schemas, text};
use crate::paths::METRICS;
use crate::routes::fallback::unknown_path;

schemas! {
    /// Prometheus's text format.
    Text => text();
}

responses! {
    /// The metrics are not served here.
    Elsewhere => [404 failure(
        "The metrics have an address of their own (`metrics_listen`).",
        &[],
        &unknown_path(),
    )];
}

/// Shows this process's metrics in Prometheus's text format.
#[utoipa::path(
    get, path = METRICS, operation_id = "showMetrics",
    responses(
        (
            status = 200,
            description = "Text format, version 0.0.4. It contains no organization's id, unless \
                           the operator enables metrics by organization.",
            content_type = "text/plain", body = inline(Text),
            example = "# TYPE strongroom_replication_timeouts_total counter\n\
                       strongroom_replication_timeouts_total 0\n",
        ),
        Elsewhere,
    )
)]
pub(in crate::routes) async fn handle(
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let text = state.metrics.text()?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(text))
}
