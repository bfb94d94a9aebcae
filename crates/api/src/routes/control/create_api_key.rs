use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_web::body;
use strongroom_web::query::Params;

use crate::consistency::WriteConsistency;
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::parameters::{Consistency, Organization};
use crate::openapi::responses::{BodyInvalid, BodyRefused, Refused, RegionsLate, Unwritten};
use crate::openapi::schemas::{schemas, success};
use crate::paths::API_KEYS;
use crate::routes::control::key_body::{KeyBody, issued_schema};
use crate::routes::control::new_key;
use crate::routes::slashid::authorized::Authorized;
use crate::secret_body;

schemas! {
    /// The new key.
    New => new_key::schema();
    /// The issued key.
    Issued => success("CreatedApiKey", named("IssuedApiKey", issued_schema()));
}

/// Issues an API key of the organization.
#[utoipa::path(
    post, path = API_KEYS, operation_id = "createApiKey",
    params(Organization, Consistency),
    request_body(content = inline(New), example = json!({"name": "billing", "role": "reader"})),
    responses(
        (
            status = 201,
            description = "The key is durable in the required regions.",
            body = inline(Issued),
        ),
        BodyInvalid, Refused, RegionsLate, BodyRefused, Unwritten,
    ),
)]
pub(in crate::routes) async fn handle(
    Authorized {
        caller,
        vault,
        state,
    }: Authorized,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    Params::none(request.query_string())?;
    let consistency = WriteConsistency::read(request.headers()).map_err(ApiError::invalid)?;
    let body = body::read(&request, payload, &state).await?;
    let new = new_key::parse(&body)?;
    let created = vault.create_api_key(&caller, new, consistency.level());
    let key = consistency.run(&state, &vault, &caller, created).await?;
    let text = key.text.expose();
    let body = Envelope::success(KeyBody::of(&key.stored).with_text(text));
    Ok(secret_body::json(
        HttpResponse::Created(),
        &body,
        text.len(),
    )?)
}
