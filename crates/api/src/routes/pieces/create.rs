use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::pieces::OpenAi;

use super::caller::PiecesCaller;
use super::model;
use super::plain::PlainError;
use crate::consistency::Required;
use crate::document::{KeptUserKey, NewUserKey, PlainRefused};

/// Keeps `open_AI` for the user, in place of what was kept. Without `open_AI` nothing changes.
#[utoipa::path(
    post, path = "/external_provider/api_key/create", operation_id = "createUserKey",
    request_body(content = NewUserKey, example = json!({"user": "ann", "open_AI": {"api_key": "sk-1", "api_key_name": "laptop"}})),
    responses((status = 200, description = "What is kept now.", body = KeptUserKey), PlainRefused),
    security((), ("X-Application-ID" = ["admin"]), ("SlashID-API-Key" = ["admin"])),
)]
pub(in crate::routes) async fn handle(
    caller: PiecesCaller,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, PlainError> {
    let PiecesCaller {
        caller,
        vault,
        state,
    } = caller;
    let body = model::read(&request, payload, &state).await?;
    let request = model::parse(&body, OpenAi::parse)?;
    let creating = vault.create_user_key(&caller, &request.user, request.open_ai);
    let required = Required::by_default();
    let kept = required.fulfil(&state, &vault, &caller, creating).await?;
    model::answer(&request.user, kept.as_ref(), request.schema)
}
