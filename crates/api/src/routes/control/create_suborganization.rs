use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::FieldError;
use strongroom_domain::json::value::{Kind, Value};
use strongroom_web::body;
use strongroom_web::fields::{Fields, string};
use strongroom_web::query::Params;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, RefOr, Schema};

use crate::consistency::WriteConsistency;
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::parameters::{Consistency, Organization};
use crate::openapi::responses::{
    BodyInvalid, BodyRefused, Conflicts, Refused, RegionsLate, Unwritten,
};
use crate::openapi::schemas::{closed, object, optional, required, schemas, success, text};
use crate::paths::SUBORGANIZATIONS;
use crate::routes::control::new_key::name_schema;
use crate::routes::control::organization_body::{OrganizationBody, schema};
use crate::routes::slashid::authorized::Authorized;
use crate::secret_body;

schemas! {
    /// The new organization.
    New => new();
    /// The organization with its first key.
    Created => success("CreatedSuborganization", named("NewOrganization", created()));
}

fn new() -> RefOr<Schema> {
    let ignored = || {
        let any = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
        optional(any.description(Some("Without effect: the service stores no persons.")))
    };
    let admins = ArrayBuilder::new().items(text()).max_items(Some(0));
    let about = "Empty: the service stores no persons. The answer has an API key instead.";
    named(
        "SuborganizationRequest",
        closed(object([
            ("sub_org_name", required(name_schema())),
            ("admins", required(admins.description(Some(about)))),
            ("persons_org_id", ignored()),
            ("groups_org_id", ignored()),
            ("inherit_rbac_pools", ignored()),
        ])),
    )
}

fn created() -> ObjectBuilder {
    let about = "An API key of the organization with the role `admin`, or as much of it as the \
                 caller holds. It is shown once.";
    schema()
        .property("api_key", text().description(Some(about)))
        .required("api_key")
}

/// Creates a sub-organization, with its encryption key and its first API key.
#[utoipa::path(
    post, path = SUBORGANIZATIONS, operation_id = "createSuborganization",
    params(Organization, Consistency),
    request_body(
        content = inline(New),
        example = json!({"sub_org_name": "customer 42", "admins": []}),
    ),
    responses(
        (
            status = 200,
            description = "The organization is durable in the required regions.",
            body = inline(Created),
        ),
        BodyInvalid, Refused, Conflicts, RegionsLate, BodyRefused, Unwritten,
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
    let created = vault.create_suborganization(&caller, &name, consistency.level());
    let (organization, key) = consistency.run(&state, &vault, &caller, created).await?;
    let text = key.text.expose();
    let body = Envelope::success(OrganizationBody::of(&organization, Some(text)));
    Ok(secret_body::json(HttpResponse::Ok(), &body, text.len())?)
}

fn parse(body: &[u8]) -> Result<String, ApiError> {
    let mut fields = Fields::parse(body)?;
    let value = fields.require("sub_org_name");
    let name = super::new_key::name("sub_org_name");
    let name = fields.check(value, string("sub_org_name", name));
    let value = fields.require("admins");
    fields.check(value, no_admins);
    for ignored in ["persons_org_id", "groups_org_id", "inherit_rbac_pools"] {
        fields.take(ignored);
    }
    fields.finish()?;
    Ok(name.unwrap_or_default())
}

fn no_admins(value: Value<'_>) -> Result<(), FieldError> {
    match value.elements() {
        Some(admins) if admins.is_empty() => Ok(()),
        Some(_) => {
            let message = "must be empty: the service stores no persons";
            Err(FieldError::new("admins", "invalid_value", message))
        }
        None => Err(wrong_type("admins", "an array", value.kind())),
    }
}

fn wrong_type(field: &str, wanted: &str, kind: Kind) -> FieldError {
    FieldError::new(
        field,
        "wrong_type",
        format!("must be {wanted}, and is {kind}"),
    )
}
