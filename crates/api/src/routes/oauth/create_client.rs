use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::NewClient;
use strongroom_domain::api_key::limits::OrganizationReach;
use strongroom_domain::oauth::client::DEFAULT_TOKEN_DURATION;
use strongroom_domain::organization::MAX_NAME_CHARS;
use strongroom_web::body;
use strongroom_web::fields::{Fields, choice, string};
use strongroom_web::query::Params;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};

use crate::consistency::WriteConsistency;
use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::parameters::{Consistency, Organization};
use crate::openapi::responses::{BodyInvalid, BodyRefused, Refused, RegionsLate, Unwritten};
use crate::openapi::schemas::{closed, object, optional, plain_text, required, schemas};
use crate::paths::OAUTH_CLIENTS;
use crate::routes::oauth::client_body::{
    NewClient as NewClientAnswer, duration, grant_types, issued, organizations, scopes,
};
use crate::routes::oauth::client_members;
use crate::routes::slashid::authorized::Authorized;

schemas! {
    /// Creates a client.
    NewClientBody => new_client();
}

fn new_client() -> RefOr<Schema> {
    let public = ObjectBuilder::new().schema_type(Type::Boolean);
    let own = OrganizationReach::Own.as_str();
    let default = DEFAULT_TOKEN_DURATION;
    let client = closed(object([
        ("client_name", required(client_name())),
        ("scopes", required(scopes().min_items(Some(1)))),
        ("grant_types", required(grant_types())),
        (
            "access_token_duration",
            optional(duration().default(Some(default.into()))),
        ),
        ("public", optional(public.enum_values(Some([false])))),
        (
            "organizations",
            optional(organizations().default(Some(own.into()))),
        ),
    ]));
    named("NewOauthClient", client)
}

/// The schema of `client_name`.
pub(super) fn client_name() -> ObjectBuilder {
    plain_text()
        .min_length(Some(1))
        .max_length(Some(MAX_NAME_CHARS))
}

/// Creates an OAuth 2.0 client. It holds no more than the caller does. With
/// `organizations: "descendants"`, it acts in the organization and all organizations below it.
#[utoipa::path(
    post, path = OAUTH_CLIENTS, operation_id = "createOauthClient",
    params(Organization, Consistency),
    request_body(
        content = inline(NewClientBody),
        example = json!({
            "client_name": "backend",
            "scopes": ["credentials:list", "credentials:reveal"],
            "grant_types": ["client_credentials"],
        }),
    ),
    responses(
        (
            status = 201,
            description = "The client, and its secret, which is shown this one time.",
            body = inline(NewClientAnswer),
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
    let new = parse(&body)?;
    let create = vault.create_oauth_client(&caller, new, consistency.level());
    let client = consistency.run(&state, &vault, &caller, create).await?;
    issued(HttpResponse::Created(), &client)
}

fn parse(body: &[u8]) -> Result<NewClient, ApiError> {
    let mut fields = Fields::parse(body)?;
    let value = fields.require("client_name");
    let name = fields.check(value, string("client_name", |name| Ok(name.to_owned())));
    let value = fields.require("scopes");
    let scopes = fields.check(value, client_members::scopes);
    let value = fields.require("grant_types");
    fields.check(value, client_members::grant_types);
    let value = fields.take("access_token_duration");
    let duration = fields.check(value, client_members::duration);
    let value = fields.take("organizations");
    let read = choice(
        "organizations",
        OrganizationReach::parse,
        OrganizationReach::choices,
    );
    let organizations = fields.check(value, read);
    client_members::refuse_personal(&mut fields);
    let (Some(name), Some(scopes)) = (name, scopes) else {
        // `require` and `check` have added an error for each missing value.
        fields.finish()?;
        return Err(ApiError::invalid(Vec::new()));
    };
    fields.finish()?;
    Ok(NewClient {
        name,
        scopes,
        organizations: organizations.unwrap_or(OrganizationReach::Own),
        access_token_duration: duration.unwrap_or(DEFAULT_TOKEN_DURATION),
    })
}
