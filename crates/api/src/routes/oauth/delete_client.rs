use actix_web::{HttpRequest, HttpResponse};
use strongroom_web::query::Params;

use crate::consistency::WriteConsistency;
use crate::error::ApiError;
use crate::openapi::parameters::{Consistency, Organization};
use crate::openapi::responses::{HeadersInvalid, Refused, RegionsLate, Unwritten};
use crate::paths::OAUTH_CLIENT;
use crate::routes::oauth::client_id::{ClientInPath, NoSuchClient, client_error, owned_client};
use crate::routes::slashid::authorized::Authorized;

/// Deletes an OAuth 2.0 client. It and its tokens end at once.
#[utoipa::path(
    delete, path = OAUTH_CLIENT, operation_id = "deleteOauthClient",
    params(ClientInPath, Organization, Consistency),
    responses(
        (status = 204, description = "The deletion is durable in the required regions."),
        HeadersInvalid, Refused, NoSuchClient, RegionsLate, Unwritten,
    ),
)]
pub(in crate::routes) async fn handle(
    authorized: Authorized,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    Params::none(request.query_string())?;
    let consistency = WriteConsistency::read(request.headers()).map_err(ApiError::invalid)?;
    let (caller, id) = owned_client(&request, &authorized).await?;
    let Authorized { vault, state, .. } = authorized;
    let delete = vault.delete_oauth_client(&caller, id, consistency.level());
    let deleted = consistency.run(&state, &vault, &caller, delete).await;
    deleted.map_err(client_error)?;
    Ok(HttpResponse::NoContent().finish())
}
