use actix_web::{HttpRequest, HttpResponse};
use strongroom_web::query::Params;
use utoipa::openapi::ArrayBuilder;

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::parameters::{Organization, parameters, query};
use crate::openapi::responses::{QueryInvalid, Refused, Unavailable};
use crate::openapi::schemas::{schemas, success, text, uuid};
use crate::paths::SUBORGANIZATIONS;
use crate::routes::control::organization_filter::{FORMS, OrganizationFilter};
use crate::routes::slashid::authorized::Authorized;

parameters! {
    /// The parameters of the query.
    Query => [query(
        "filter",
        text(),
        "SCIM 2.0 (RFC 7644 § 3.4.2.2): `name eq \"x\"`, `name co \"x\"`, `name sw \"x\"`, \
         `id eq \"…\"` or `parent_org_id eq \"…\"`. Names are compared case by case.",
    )];
}

schemas! {
    /// The ids.
    Ids => success("SuborganizationIds", ArrayBuilder::new().items(uuid()));
}

/// Lists the ids of all descendants of the organization, oldest first.
#[utoipa::path(
    get, path = SUBORGANIZATIONS, operation_id = "listSuborganizations",
    params(Organization, Query),
    responses(
        (status = 200, description = "The ids.", body = inline(Ids)),
        QueryInvalid, Refused, Unavailable,
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
    let mut params = Params::parse(request.query_string());
    let filter = params.read("filter", OrganizationFilter::parse, || FORMS.to_owned());
    params.finish()?;
    let found = state.with_deadline(vault.descendants(&caller)).await?;
    let matches = |filter: &OrganizationFilter, one: &_| filter.matches(one);
    let ids: Vec<_> = found
        .iter()
        .filter(|one| one.deleted_at.is_none())
        .filter(|one| filter.as_ref().is_none_or(|filter| matches(filter, one)))
        .map(|one| one.id)
        .collect();
    Ok(HttpResponse::Ok().json(Envelope::success(ids)))
}
