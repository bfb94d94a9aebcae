use actix_web::{HttpRequest, HttpResponse};
use strongroom_web::query::Params;
use utoipa::openapi::ObjectBuilder;

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::parameters::Organization;
use crate::openapi::responses::{HeadersInvalid, Refused, Unavailable};
use crate::openapi::schemas::{object, required, schemas, success};
use crate::paths::CONFIG;
use crate::routes::control::update_config::{lifetime, recovery_days, versions_kept};
use crate::routes::slashid::authorized::Authorized;

schemas! {
    /// The settings.
    Answer => success("OrganizationConfigAnswer", named("OrganizationConfig", config()));
}

fn config() -> ObjectBuilder {
    object([
        ("max_key_lifetime", required(lifetime())),
        ("versions_kept", required(versions_kept())),
        ("recovery_days", required(recovery_days())),
    ])
}

/// Shows what the organization has set itself.
#[utoipa::path(
    get, path = CONFIG, operation_id = "getOrganizationConfig",
    params(Organization),
    responses(
        (status = 200, description = "The settings.", body = inline(Answer)),
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
    let settings = state.with_deadline(vault.settings(&caller)).await?;
    Ok(HttpResponse::Ok().json(Envelope::success(settings)))
}
