use actix_web::{HttpRequest, HttpResponse};
use strongroom_domain::VaultError;
use strongroom_web::query::Params;

use crate::consistency::WriteConsistency;
use crate::error::ApiError;
use crate::openapi::parameters::{Consistency, Organization};
use crate::openapi::responses::{
    Conflicts, HeadersInvalid, NoSuchObject, Refused, RegionsLate, Unwritten,
};
use crate::routes::slashid::authorized::Authorized;

/// Restores the deleted organization that `SlashID-OrgID` names, within its grace period. Its
/// parent is restored first.
#[utoipa::path(
    post, path = "/organizations/restore", operation_id = "restoreOrganization",
    params(Organization, Consistency),
    responses(
        (status = 204, description = "The restoration is durable in the required regions."),
        HeadersInvalid, Refused, NoSuchObject, Conflicts, RegionsLate, Unwritten,
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
    let consistency = WriteConsistency::read(request.headers()).map_err(ApiError::invalid)?;
    let restored = vault.restore_organization(&caller, consistency.level());
    let restored = consistency.run(&state, &vault, &caller, restored).await;
    restored.map_err(|error| match error {
        VaultError::NotFound => ApiError::no_such("the organization is not deleted"),
        error => error.into(),
    })?;
    Ok(HttpResponse::NoContent().finish())
}
