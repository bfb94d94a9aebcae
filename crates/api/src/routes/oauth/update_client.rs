use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::ClientChange;
use strongroom_domain::FieldError;
use strongroom_web::body;
use strongroom_web::fields::{Fields, string};
use strongroom_web::query::Params;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};

use crate::consistency::WriteConsistency;
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::parameters::{Consistency, Organization};
use crate::openapi::responses::{BodyInvalid, BodyRefused, Refused, RegionsLate, Unwritten};
use crate::openapi::schemas::{closed, object, optional, schemas, text};
use crate::paths::OAUTH_CLIENT;
use crate::routes::oauth::client_body::{Client, ClientBody, duration, grant_types, scopes};
use crate::routes::oauth::client_id::{ClientInPath, NoSuchClient, client_error, owned_client};
use crate::routes::oauth::client_members;
use crate::routes::oauth::create_client::client_name;
use crate::routes::slashid::authorized::Authorized;

/// What the answer to a GET contains besides what can be changed.
const IGNORED: [&str; 5] = [
    "response_types",
    "organizations",
    "created_at",
    "last_used",
    "key_id",
];

schemas! {
    /// Changes a client.
    ClientChangeBody => client_change();
}

fn client_change() -> RefOr<Schema> {
    let about = "At least one of `client_name`, `scopes`, `grant_types` and \
                 `access_token_duration`. The answer to a GET can be sent back: what cannot be \
                 changed is ignored.";
    let public = ObjectBuilder::new().schema_type(Type::Boolean);
    let change = closed(object([
        ("client_name", optional(client_name())),
        ("scopes", optional(scopes().min_items(Some(1)))),
        ("grant_types", optional(grant_types())),
        ("access_token_duration", optional(duration())),
        ("public", optional(public.enum_values(Some([false])))),
        ("client_id", optional(text())),
    ]));
    let change = IGNORED.iter().fold(change, |change, name| {
        let any = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
        change.property(*name, any.description(Some("Ignored.")))
    });
    named("OauthClientChange", change.description(Some(about)))
}

/// Changes an OAuth 2.0 client. Scopes that it loses, its tokens lose too.
#[utoipa::path(
    patch, path = OAUTH_CLIENT, operation_id = "updateOauthClient",
    params(ClientInPath, Organization, Consistency),
    request_body(
        content = inline(ClientChangeBody),
        example = json!({"scopes": ["credentials:list"]}),
    ),
    responses(
        (status = 200, description = "The changed client.", body = inline(Client)),
        BodyInvalid, Refused, NoSuchClient, RegionsLate, BodyRefused, Unwritten,
    ),
)]
pub(in crate::routes) async fn handle(
    authorized: Authorized,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    Params::none(request.query_string())?;
    let consistency = WriteConsistency::read(request.headers()).map_err(ApiError::invalid)?;
    let owned = owned_client(&request, &authorized).await;
    let Authorized { vault, state, .. } = authorized;
    let body = body::read(&request, payload, &state).await?;
    let named = request.match_info().get("oauth_client_id");
    let change = parse(&body, named.unwrap_or_default())?;
    let (caller, id) = owned?;
    let update = vault.change_oauth_client(&caller, id, change, consistency.level());
    let changed = consistency.run(&state, &vault, &caller, update).await;
    let changed = changed.map_err(client_error)?;
    Ok(HttpResponse::Ok().json(Envelope::success(ClientBody::of(&changed))))
}

fn parse(body: &[u8], id: &str) -> Result<ClientChange, ApiError> {
    let mut fields = Fields::parse(body)?;
    let value = fields.take("client_name");
    let mut given = value.is_some();
    let name = fields.check(value, string("client_name", |name| Ok(name.to_owned())));
    let value = fields.take("scopes");
    given |= value.is_some();
    let scopes = fields.check(value, client_members::scopes);
    let value = fields.take("grant_types");
    given |= value.is_some();
    fields.check(value, client_members::grant_types);
    let value = fields.take("access_token_duration");
    given |= value.is_some();
    let access_token_duration = fields.check(value, client_members::duration);
    let value = fields.take("client_id");
    fields.check(
        value,
        string("client_id", |text| match text == id {
            true => Ok(()),
            false => {
                let message = format!("cannot be changed, and is {id}");
                Err(FieldError::new("client_id", "immutable", message))
            }
        }),
    );
    client_members::refuse_personal(&mut fields);
    for name in IGNORED {
        fields.take(name);
    }
    if !given {
        let message = "must hold client_name, scopes, grant_types or access_token_duration";
        let error = FieldError::new("body", "required", message);
        fields.errors.push(error);
    }
    fields.finish()?;
    Ok(ClientChange {
        name,
        scopes,
        access_token_duration,
    })
}
