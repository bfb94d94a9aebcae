use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use strongroom_domain::permission::PermissionSet;
use strongroom_domain::{ActiveToken, OrgId};
use strongroom_web::body;
use strongroom_web::form::Form;
use utoipa::openapi::{ObjectBuilder, Type};

use crate::openapi::components::named;
use crate::openapi::schemas::{object, open, optional, required, schemas, text, uuid, whole};
use crate::routes::oauth::token_request::{TokenCaller, check_client, token};
use crate::routes::oauth::token_responses::{FormInvalid, FormRefused, TokenRefused};
use crate::token_error::TokenError;

schemas! {
    /// Asks about a token.
    Introspection => named("TokenIntrospection", open(object([
        ("token", required(text().min_length(Some(1)))),
        ("token_type_hint", optional(text().description(Some("Ignored.")))),
        ("scope", optional(text().description(Some("Scopes that the token must have.")))),
    ])));
    /// The state of a token.
    State => named("TokenState", object([
        ("active", required(ObjectBuilder::new().schema_type(Type::Boolean))),
        ("client_id", optional(text())),
        ("exp", optional(whole(0, i64::MAX).description(Some("Seconds since 1970.")))),
        ("iat", optional(whole(0, i64::MAX).description(Some("Seconds since 1970.")))),
        ("scope", optional(text().description(Some("Separated by spaces.")))),
        ("sub", optional(uuid().description(Some("The organization of the client.")))),
    ]));
}

/// Shows the state of an access token of the client's organization (RFC 7662). For any other token,
/// and one that lacks a scope in `scope`, the answer is exactly `{"active":false}`.
#[utoipa::path(
    post, path = "/oauth2/tokens/introspect", operation_id = "introspectToken",
    request_body(
        content = inline(Introspection),
        content_type = "application/x-www-form-urlencoded",
        example = json!({"token": "srt_…"}),
    ),
    responses(
        (status = 200, description = "The state of the token.", body = inline(State)),
        FormInvalid, TokenRefused, FormRefused,
    ),
)]
pub(in crate::routes) async fn handle(
    TokenCaller {
        caller,
        vault,
        state,
    }: TokenCaller,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, TokenError> {
    let body = body::read_form(&request, payload, &state).await?;
    let mut form = Form::parse(&body);
    check_client(&mut form, &caller)?;
    let token = token(&mut form)?;
    let scope = form.take("scope")?;
    let scopes = match scope.as_deref() {
        None => Some(PermissionSet::default()),
        Some(scope) => PermissionSet::parse_scope(scope),
    };
    let active = match scopes {
        // No token has an unknown scope.
        None => None,
        Some(scopes) => {
            let introspect = vault.introspect_access_token(&caller, &token, scopes);
            state.with_deadline(introspect).await?
        }
    };
    let active = active.as_ref().map(StateBody::of);
    Ok(HttpResponse::Ok().json(active.unwrap_or_default()))
}

/// The state of a token, as the response contains it.
#[derive(Default, Serialize)]
struct StateBody<'a> {
    active: bool,
    #[serde(flatten)]
    about: Option<About<'a>>,
}

#[derive(Serialize)]
struct About<'a> {
    client_id: &'a str,
    exp: i64,
    iat: i64,
    scope: String,
    sub: OrgId,
}

impl<'a> StateBody<'a> {
    fn of(token: &'a ActiveToken) -> Self {
        let about = About {
            client_id: &token.client_id,
            exp: token.expires_at.timestamp(),
            iat: token.issued_at.timestamp(),
            scope: token.scopes.to_scope(),
            sub: token.org,
        };
        Self {
            active: true,
            about: Some(about),
        }
    }
}
