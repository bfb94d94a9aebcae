use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_web::body;
use strongroom_web::form::Form;

use crate::openapi::components::named;
use crate::openapi::schemas::{object, open, optional, required, schemas, text};
use crate::routes::oauth::token_request::{TokenCaller, check_client, token};
use crate::routes::oauth::token_responses::{FormInvalid, FormRefused, TokenRefused};
use crate::token_error::TokenError;

schemas! {
    /// Revokes a token.
    Revocation => named("TokenRevocation", open(object([
        ("token", required(text().min_length(Some(1)))),
        ("token_type_hint", optional(text().description(Some("Ignored.")))),
    ])));
}

/// Revokes an access token of the client (RFC 7009). A token that is unknown, or another client's,
/// is not an error.
#[utoipa::path(
    post, path = "/oauth2/tokens/revoke", operation_id = "revokeToken",
    request_body(
        content = inline(Revocation),
        content_type = "application/x-www-form-urlencoded",
        example = json!({"token": "srt_…"}),
    ),
    responses(
        (status = 200, description = "No token of the client with this text works. No body."),
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
    let revoke = vault.revoke_access_token(&caller, &token);
    state.write_with_deadline(revoke).await?;
    Ok(HttpResponse::Ok().finish())
}
