use actix_web::{HttpRequest, HttpResponse};
use strongroom_web::query::Params;

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::parameters::Organization;
use crate::openapi::responses::{HeadersInvalid, Refused, Unavailable};
use crate::openapi::schemas::{list, schemas};
use crate::paths::API_KEYS;
use crate::routes::control::key_body::{KeyBody, schema};
use crate::routes::slashid::authorized::Authorized;

schemas! {
    /// The keys.
    Keys => list("ApiKeyList", named("ApiKey", schema()));
}

/// Lists the API keys of the organization, oldest first, without their secrets.
#[utoipa::path(
    get, path = API_KEYS, operation_id = "listApiKeys",
    params(Organization),
    responses(
        (status = 200, description = "The keys.", body = inline(Keys)),
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
    let keys = state.with_deadline(vault.api_keys(&caller)).await?;
    let used = state.with_deadline(vault.keys_last_used(&caller)).await?;
    let body = |key| KeyBody::of(key).last_used(used.get(&key.id).copied());
    let bodies: Vec<_> = keys.iter().map(body).collect();
    Ok(HttpResponse::Ok().json(Envelope::success(bodies)))
}
