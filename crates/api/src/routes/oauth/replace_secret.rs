use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use strongroom_web::query::Params;

use crate::consistency::WriteConsistency;
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::parameters::{Consistency, Organization};
use crate::openapi::responses::{HeadersInvalid, Refused, RegionsLate, Unwritten};
use crate::paths::OAUTH_SECRET;
use crate::routes::oauth::client_body::Secret;
use crate::routes::oauth::client_id::{ClientInPath, NoSuchClient, client_error, owned_client};
use crate::routes::slashid::authorized::Authorized;
use crate::secret_body;

/// Replaces the secret of an OAuth 2.0 client. The old one ends at once; tokens live on. The caller
/// must hold all that the client does.
#[utoipa::path(
    put, path = OAUTH_SECRET, operation_id = "replaceOauthClientSecret",
    params(ClientInPath, Organization, Consistency),
    responses(
        (
            status = 200,
            description = "The new secret, which is shown this one time.",
            body = inline(Secret),
        ),
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
    let replace = vault.replace_client_secret(&caller, id, consistency.level());
    let replaced = consistency.run(&state, &vault, &caller, replace).await;
    let replaced = replaced.map_err(client_error)?;
    // Shown once, to the caller who replaced the secret.
    let secret = replaced.secret.expose();
    let body = Envelope::success(SecretBody {
        client_secret: secret,
    });
    Ok(secret_body::json(HttpResponse::Ok(), &body, secret.len())?)
}

/// The secret, as the response contains it.
#[derive(Serialize)]
struct SecretBody<'a> {
    client_secret: &'a str,
}
