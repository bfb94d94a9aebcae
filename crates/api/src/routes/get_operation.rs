use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use strongroom_domain::FieldError;
use strongroom_domain::replication::{OperationId, OperationState};
use utoipa::openapi::ObjectBuilder;

use crate::authorized::{Authorized, ReadOperations};
use crate::document::{
    Organization, QueryInvalid, Refused, Unavailable, any_object, failure, in_path, object, one_of,
    parameters, required, responses, schemas, success, uuid,
};
use crate::envelope::Envelope;
use crate::error::ApiError;

const PATH: &str = "/organizations/config/operations/{operation_id}";
const NOT_FOUND: &str = "the organization has had no such operation in the last 24 hours";

parameters! {
    /// The path's operation.
    OperationInPath => [in_path("operation_id", uuid(), "`SlashID-Operation-ID` of the 408.")];
}

responses! {
    /// There is no such operation.
    NoSuchOperation => [404 failure(
        "The organization has had no such operation in the last 24 hours.",
        &[],
        &ApiError::new(StatusCode::NOT_FOUND, "not_found", NOT_FOUND),
    )];
}

schemas! {
    /// How far a write has come.
    Status => success(object([
        ("state", required(state())),
        ("regions", required(any_object().additional_properties(Some(state())))),
    ]));
}

fn state() -> ObjectBuilder {
    one_of(OperationState::ALL.iter().map(|state| state.as_str()))
}

/// Tells how far a write has come that was answered 408.
#[utoipa::path(
    get, path = PATH, operation_id = "getOperation",
    params(OperationInPath, Organization),
    responses(
        (status = 200, description = "Over all regions, and in each.", body = inline(Status)),
        QueryInvalid, Refused, NoSuchOperation, Unavailable,
    ),
    security(("SlashID-API-Key" = ["admin"])),
)]
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
        StatusCode::NOT_FOUND => ApiError::new(StatusCode::NOT_FOUND, "not_found", NOT_FOUND),
        _ => error,
    })?;
    Ok(HttpResponse::Ok().json(Envelope::success(status)))
}
