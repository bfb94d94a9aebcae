use actix_web::{HttpRequest, HttpResponse};
use strongroom_web::query::Params;

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::parameters::Organization;
use crate::openapi::responses::{HeadersInvalid, Refused, Unavailable};
use crate::paths::OAUTH_CLIENTS;
use crate::routes::oauth::client_body::{ClientBody, Clients};
use crate::routes::slashid::authorized::Authorized;

/// Lists the organization's OAuth 2.0 clients, oldest first, without their secrets.
#[utoipa::path(
    get, path = OAUTH_CLIENTS, operation_id = "listOauthClients",
    params(Organization),
    responses(
        (status = 200, description = "All clients.", body = inline(Clients)),
        HeadersInvalid, Refused, Unavailable,
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
    let clients = state.with_deadline(vault.oauth_clients(&caller)).await?;
    let clients: Vec<_> = clients.iter().map(ClientBody::of).collect();
    Ok(HttpResponse::Ok().json(Envelope::success(clients)))
}
