use actix_web::{HttpRequest, HttpResponse};
use strongroom_web::query::Params;

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::parameters::Organization;
use crate::openapi::responses::{HeadersInvalid, Refused, Unavailable};
use crate::paths::OAUTH_CLIENT;
use crate::routes::oauth::client_body::{Client, ClientBody};
use crate::routes::oauth::client_id::{ClientInPath, NoSuchClient, client_error, owned_client};
use crate::routes::slashid::authorized::Authorized;

/// Shows an OAuth 2.0 client, without its secret.
#[utoipa::path(
    get, path = OAUTH_CLIENT, operation_id = "getOauthClient",
    params(ClientInPath, Organization),
    responses(
        (status = 200, description = "The client.", body = inline(Client)),
        HeadersInvalid, Refused, NoSuchClient, Unavailable,
    ),
)]
pub(in crate::routes) async fn handle(
    authorized: Authorized,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    Params::none(request.query_string())?;
    let (caller, id) = owned_client(&request, &authorized).await?;
    let Authorized { vault, state, .. } = authorized;
    let found = state.with_deadline(vault.oauth_client(&caller, id)).await;
    let found = found.map_err(client_error)?;
    Ok(HttpResponse::Ok().json(Envelope::success(ClientBody::of(&found))))
}
