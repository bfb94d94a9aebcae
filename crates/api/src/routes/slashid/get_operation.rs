use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use strongroom_domain::replication::{OperationId, OperationState};
use strongroom_domain::{FieldError, VaultError};
use strongroom_web::query::Params;
use utoipa::openapi::{RefOr, Schema};

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::failure::failure;
use crate::openapi::parameters::{Organization, in_path, parameters};
use crate::openapi::responses::{QueryInvalid, Refused, Unavailable, responses};
use crate::openapi::schemas::{map_of, object, one_of, required, schemas, success, uuid};
use crate::paths::OPERATION;
use crate::routes::slashid::authorized::Authorized;

const NOT_FOUND: &str = "the organization has had no such operation in the last 24 hours";

parameters! {
    /// The operation's id in the path.
    OperationInPath => [in_path("operation_id", uuid(), "The `SlashID-Operation-ID` of the 408.")];
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
    /// The progress of a write.
    Status => success("OperationAnswer", named("Operation", object([
        ("state", required(state())),
        ("regions", required(map_of(state()))),
    ])));
}

fn state() -> RefOr<Schema> {
    let names = OperationState::ALL.iter().map(|state| state.as_str());
    named("OperationState", one_of(names))
}

/// Shows the progress of a write that was answered 408.
#[utoipa::path(
    get, path = OPERATION, operation_id = "getOperation",
    params(OperationInPath, Organization),
    responses(
        (
            status = 200,
            description = "The state over all regions, and in each of them.",
            body = inline(Status),
        ),
        QueryInvalid, Refused, NoSuchOperation, Unavailable,
    ),
)]
pub(in crate::routes) async fn handle(
    Authorized {
        caller,
        vault,
        state,
    }: Authorized,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    Params::none(request.query_string())?;
    let text = request.match_info().get("operation_id");
    let id = text.and_then(OperationId::parse).ok_or_else(|| {
        let error = FieldError::new("operation_id", "invalid_value", "must be a UUID");
        ApiError::invalid(vec![error])
    })?;
    let status = state.with_deadline(vault.operation(&caller, id)).await;
    let status = status.map_err(|error| match error {
        VaultError::NotFound => ApiError::new(StatusCode::NOT_FOUND, "not_found", NOT_FOUND),
        error => error.into(),
    })?;
    Ok(HttpResponse::Ok().json(Envelope::success(status)))
}
