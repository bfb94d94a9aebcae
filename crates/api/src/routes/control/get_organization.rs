use actix_web::{HttpRequest, HttpResponse};
use strongroom_web::query::Params;

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::parameters::Organization;
use crate::openapi::responses::{HeadersInvalid, Refused, Unavailable};
use crate::openapi::schemas::{schemas, success};
use crate::paths::ORGANIZATIONS;
use crate::routes::control::organization_body::{OrganizationBody, schema};
use crate::routes::slashid::authorized::Authorized;

schemas! {
    /// The organization.
    Answer => success("OrganizationAnswer", named("Organization", schema()));
}

/// Shows the organization.
#[utoipa::path(
    get, path = ORGANIZATIONS, operation_id = "getOrganization",
    params(Organization),
    responses(
        (status = 200, description = "The organization.", body = inline(Answer)),
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
    let organization = state.with_deadline(vault.organization(&caller)).await?;
    let body = OrganizationBody::of(&organization, None);
    Ok(HttpResponse::Ok().json(Envelope::success(body)))
}
