use actix_web::{HttpRequest, HttpResponse};
use strongroom_domain::VaultError;
use strongroom_web::query::Params;

use crate::consistency::WriteConsistency;
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::parameters::{Consistency, Organization};
use crate::openapi::responses::{HeadersInvalid, Refused, RegionsLate, Unwritten};
use crate::openapi::schemas::{schemas, success};
use crate::paths::API_KEYS;
use crate::routes::control::key_body::{KeyBody, issued_schema};
use crate::routes::slashid::authorized::Authorized;
use crate::secret_body;

schemas! {
    /// The issued key.
    Issued => success("ReplacedApiKey", named("IssuedApiKey", issued_schema()));
}

/// Replaces the API key of this request by a new one with the same name, limits and expiry. The key
/// of this request ends at once, and other keys stay.
#[utoipa::path(
    put, path = API_KEYS, operation_id = "replaceApiKey",
    params(Organization, Consistency),
    responses(
        (
            status = 200,
            description = "The key is durable in the required regions.",
            body = inline(Issued),
        ),
        HeadersInvalid, Refused, RegionsLate, Unwritten,
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
    let replaced = vault.replace_api_key(&caller, consistency.level());
    let key = consistency.run(&state, &vault, &caller, replaced).await;
    let key = key.map_err(|error| match error {
        // A concurrent request revoked the key.
        VaultError::NotFound => VaultError::Unauthorized,
        error => error,
    })?;
    let text = key.text.expose();
    let body = Envelope::success(KeyBody::of(&key.stored).with_text(text));
    Ok(secret_body::json(HttpResponse::Ok(), &body, text.len())?)
}
