use actix_web::{HttpRequest, HttpResponse};
use strongroom_web::query::Params;

use crate::consistency::WriteConsistency;
use crate::error::ApiError;
use crate::openapi::parameters::{Consistency, CredentialInPath, Organization};
use crate::openapi::responses::{NoSuchCredential, QueryInvalid, Refused, RegionsLate, Unwritten};
use crate::paths::RELAY_POLICY;
use crate::routes::slashid::authorized::Authorized;
use crate::routes::slashid::credential_id::credential_id;

/// Deletes the relay policy of a credential: it is used no more without a reveal.
#[utoipa::path(
    delete, path = RELAY_POLICY, operation_id = "deleteRelayPolicy",
    params(CredentialInPath, Organization, Consistency),
    responses(
        (status = 204, description = "There is no policy in the required regions."),
        QueryInvalid, Refused, NoSuchCredential, RegionsLate, Unwritten,
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
    let id = credential_id(&request).map_err(|error| ApiError::invalid(vec![error]))?;
    let delete = vault.delete_relay_policy(&caller, id, None, consistency.level());
    consistency.run(&state, &vault, &caller, delete).await?;
    Ok(HttpResponse::NoContent().finish())
}
