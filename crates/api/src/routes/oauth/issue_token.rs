use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use strongroom_domain::VaultError;
use strongroom_domain::permission::PermissionSet;
use strongroom_web::auth::authenticate::count_token;
use strongroom_web::body;
use strongroom_web::form::Form;
use utoipa::openapi::{RefOr, Schema};

use crate::openapi::components::named;
use crate::openapi::schemas::{object, one_of, open, optional, required, schemas, text};
use crate::paths::TOKENS;
use crate::routes::oauth::client_body::{GRANT_TYPES, duration};
use crate::routes::oauth::token_request::{TokenCaller, check_client};
use crate::routes::oauth::token_responses::{FormRefused, GrantInvalid, TokenRefused};
use crate::secret_body;
use crate::token_error::TokenError;

schemas! {
    /// Asks for a token.
    TokenRequest => token_request();
    /// A token.
    Token => named("AccessToken", object([
        ("access_token", required(text())),
        ("token_type", required(one_of(["bearer"]))),
        ("expires_in", required(duration().description(Some("Seconds.")))),
        ("scope", required(text().description(Some("Separated by spaces.")))),
    ]));
}

fn token_request() -> RefOr<Schema> {
    let scope = "Scopes separated by spaces; absent: all that the client has.";
    let request = open(object([
        ("grant_type", required(one_of(GRANT_TYPES))),
        ("scope", optional(text().description(Some(scope)))),
    ]));
    named("TokenRequest", request)
}

/// Issues an access token to an OAuth 2.0 client (RFC 6749 § 4.4).
#[utoipa::path(
    post, path = TOKENS, operation_id = "issueToken",
    request_body(
        content = inline(TokenRequest),
        content_type = "application/x-www-form-urlencoded",
        example = json!({"grant_type": "client_credentials"}),
    ),
    responses(
        (status = 200, description = "A token.", body = inline(Token)),
        GrantInvalid, TokenRefused, FormRefused,
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
    let scopes = grant(&mut form)?;
    count_token(&state, &caller)?;
    let issue = vault.issue_access_token(&caller, scopes);
    let issued = state.write_with_deadline(issue).await;
    let issued = issued.map_err(|error| match error {
        VaultError::Forbidden(_) => invalid_scope(),
        error => error.into(),
    })?;
    // Shown once, to the client that asked for it.
    let token = issued.text.expose();
    let body = TokenBody {
        access_token: token,
        token_type: "bearer",
        expires_in: issued.expires_in,
        scope: issued.scopes.to_scope(),
    };
    Ok(secret_body::json(HttpResponse::Ok(), &body, token.len())?)
}

/// The scopes that are asked for; `None` for all.
fn grant(form: &mut Form<'_>) -> Result<Option<PermissionSet>, TokenError> {
    match form.take("grant_type")?.as_deref() {
        Some("client_credentials") => {}
        Some(_) => {
            let message = "grant_type must be client_credentials";
            return Err(TokenError::new("unsupported_grant_type", message));
        }
        None => {
            let message = "grant_type is required, and must be client_credentials";
            return Err(TokenError::new("invalid_request", message));
        }
    }
    let scope = form.take("scope")?;
    let parse = |text| PermissionSet::parse_scope(text).ok_or_else(invalid_scope);
    scope.as_deref().map(parse).transpose()
}

fn invalid_scope() -> TokenError {
    let message = "scope must contain only scopes that the client has, separated by single spaces";
    TokenError::new("invalid_scope", message)
}

/// A token, as the response contains it.
#[derive(Serialize)]
struct TokenBody<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    scope: String,
}
