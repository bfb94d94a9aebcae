use actix_web::{HttpRequest, HttpResponse};
use strongroom_web::query::Params;

use crate::conditions::tagged;
use crate::error::ApiError;
use crate::openapi::headers::EntityTag;
use crate::openapi::parameters::{Consistency, CredentialInPath, Organization, RequiredIfMatch};
use crate::openapi::responses::{
    CredentialConflicts, NoSuchValue, OtherVersion, QueryInvalid, Refused, RegionsLate,
    Unconditional, Unwritten,
};
use crate::paths::VERSION_PROMOTE;
use crate::routes::lifecycle::version_write::{VersionInPath, parse};
use crate::routes::slashid::authorized::Authorized;

/// Makes a value the current one, and the current one the previous one. No value is pending then.
/// `If-Match` is required.
#[utoipa::path(
    post, path = VERSION_PROMOTE, operation_id = "promoteCredentialVersion",
    params(CredentialInPath, VersionInPath, Organization, Consistency, RequiredIfMatch),
    responses(
        (status = 204, description = "The change is durable in the required regions.",
         headers(("ETag" = inline(EntityTag)))),
        QueryInvalid, Refused, NoSuchValue, CredentialConflicts, OtherVersion, Unconditional,
        RegionsLate, Unwritten,
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
    let (consistency, write) = parse(&request)?;
    if write.if_match.is_none() {
        return Err(ApiError::unconditional());
    }
    let promote = vault.promote_version(&caller, write, consistency.level());
    let etag = consistency.run(&state, &vault, &caller, promote).await?;
    Ok(tagged(HttpResponse::NoContent(), etag).finish())
}
