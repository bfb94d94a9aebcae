use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_web::body;
use strongroom_web::fields::{Fields, string};
use strongroom_web::query::Params;
use utoipa::openapi::ObjectBuilder;

use crate::consistency::WriteConsistency;
use crate::error::ApiError;
use crate::openapi::parameters::{Consistency, Organization};
use crate::openapi::responses::{BodyInvalid, BodyRefused, Refused, RegionsLate, Unwritten};
use crate::openapi::schemas::{closed, object, required, schemas};
use crate::paths::ORGANIZATIONS;
use crate::routes::control::new_key::name_schema;
use crate::routes::slashid::authorized::Authorized;

schemas! {
    /// The change.
    Change => change();
}

fn change() -> ObjectBuilder {
    closed(object([("org_name", required(name_schema()))]))
}

/// Changes the name of the organization.
#[utoipa::path(
    patch, path = ORGANIZATIONS, operation_id = "updateOrganization",
    params(Organization, Consistency),
    request_body(content = inline(Change), example = json!({"org_name": "Acme"})),
    responses(
        (status = 204, description = "The change is durable in the required regions."),
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
    let name = parse(&body)?;
    let renamed = vault.rename_organization(&caller, &name, consistency.level());
    consistency.run(&state, &vault, &caller, renamed).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn parse(body: &[u8]) -> Result<String, ApiError> {
    let mut fields = Fields::parse(body)?;
    let value = fields.require("org_name");
    let name = fields.check(value, string("org_name", super::new_key::name("org_name")));
    fields.finish()?;
    Ok(name.unwrap_or_default())
}
