use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use strongroom_domain::FieldError;
use strongroom_domain::replication::OperationId;

use crate::authorized::{Authorized, ReadOperations};
use crate::envelope::Envelope;
use crate::error::ApiError;

/// `GET /organizations/config/operations/{operation_id}`: 200 with how far a write has come that a 408 named.
pub(super) async fn handle(
    authorized: Authorized<ReadOperations>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let text = request.match_info().get("operation_id");
    let id = text.and_then(OperationId::parse).ok_or_else(|| {
        let message = "must be a UUID";
        ApiError::invalid(vec![FieldError::new(
            "operation_id",
            "invalid_value",
            message,
        )])
    })?;
    let Authorized {
        caller,
        vault,
        state,
        ..
    } = authorized;
    let status = state.within(vault.operation(&caller, id)).await;
    let status = status.map_err(|error| match error.status() {
        StatusCode::NOT_FOUND => {
            let message = "the organization has had no such operation in the last 24 hours";
            ApiError::new(StatusCode::NOT_FOUND, "not_found", message)
        }
        _ => error,
    })?;
    Ok(HttpResponse::Ok().json(Envelope::success(status)))
}
