use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use strongroom_domain::RelayToken;
use strongroom_domain::audit::stored::format_time;
use strongroom_web::query::Params;

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::parameters::{CredentialInPath, Organization};
use crate::openapi::relay_responses::{RelayFailed, RelayRefused, RelayUnusable, RelayUnwritten};
use crate::openapi::responses::{NoSuchCredential, QueryInvalid};
use crate::openapi::schemas::{object, required, schemas, success, text, time};
use crate::paths::RELAY_TOKEN;
use crate::routes::slashid::authorized::Authorized;
use crate::routes::slashid::credential_id::credential_id;

schemas! {
    /// A token that was minted for a credential.
    Minted => success("RelayTokenResult", object([
        ("access_token", required(text())),
        ("token_type", required(text())),
        ("expires_at", required(time())),
        ("scope", required(text())),
    ]));
}

/// A token that is minted for the credential, for a caller that speaks to the upstream itself.
///
/// The relay policy must have `"tokens": true`. The token may have been minted for an earlier
/// request, and ends some time after a request could still be sent with it.
#[utoipa::path(
    post, path = RELAY_TOKEN, operation_id = "issueRelayToken",
    params(CredentialInPath, Organization),
    responses(
        (status = 200, description = "The token.", body = inline(Minted)),
        QueryInvalid, RelayRefused, RelayUnusable, NoSuchCredential, RelayFailed, RelayUnwritten,
    ),
)]
pub(in crate::routes) async fn handle(
    Authorized { caller, vault, .. }: Authorized,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    Params::none(request.query_string())?;
    let id = credential_id(&request).map_err(|error| ApiError::invalid(vec![error]))?;
    // Each step has a time limit of its own, the exchange a longer one than other requests.
    let token = vault.relay_token(&caller, id).await?;
    Ok(HttpResponse::Ok().json(Envelope::success(result(&token))))
}

// The one place where a minted token is serialized: the response to its request.
fn result(token: &RelayToken) -> serde_json::Value {
    json!({
        "access_token": token.value.expose(),
        "token_type": "Bearer",
        "expires_at": format_time(token.expires_at),
        "scope": token.scopes.join(" "),
    })
}
