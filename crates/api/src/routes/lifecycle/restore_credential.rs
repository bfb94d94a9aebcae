use actix_web::{HttpRequest, HttpResponse};
use strongroom_domain::VaultError;
use strongroom_web::query::Params;

use crate::conditions::tagged;
use crate::consistency::WriteConsistency;
use crate::error::ApiError;
use crate::openapi::headers::EntityTag;
use crate::openapi::parameters::{Consistency, CredentialInPath, Organization};
use crate::openapi::responses::{
    CredentialConflicts, NoSuchCredential, QueryInvalid, Refused, RegionsLate, Unwritten,
};
use crate::paths::CREDENTIAL_RESTORE;
use crate::routes::slashid::authorized::Authorized;
use crate::routes::slashid::credential_id::credential_id;

/// Restores a deleted credential with all its values.
#[utoipa::path(
    post, path = CREDENTIAL_RESTORE, operation_id = "restoreCredential",
    params(CredentialInPath, Organization, Consistency),
    responses(
        (status = 204, description = "The restoration is durable in the required regions.",
         headers(("ETag" = inline(EntityTag)))),
        QueryInvalid, Refused, NoSuchCredential, CredentialConflicts, RegionsLate, Unwritten,
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
    let restore = vault.restore_credential(&caller, id, consistency.level());
    let restored = consistency.run(&state, &vault, &caller, restore).await;
    let etag = restored.map_err(|error| match error {
        VaultError::NotFound => {
            ApiError::no_such("the organization has no such deleted credential")
        }
        error => error.into(),
    })?;
    Ok(tagged(HttpResponse::NoContent(), etag).finish())
}
