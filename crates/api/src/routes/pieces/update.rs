use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::pieces::OpenAi;

use super::caller::PiecesCaller;
use super::model;
use super::plain::PlainError;
use crate::consistency::Required;
use crate::document::{KeptUserKey, PlainRefused, UserKeyChange};

/// Changes the members of `open_AI` that are sent, of a user who may be new.
#[utoipa::path(
    post, path = "/external_provider/api_key/update", operation_id = "updateUserKey",
    request_body(content = UserKeyChange, example = json!({"user": "ann", "open_AI": {"api_key_name": "desktop"}})),
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
    let open_ai = request.open_ai.unwrap_or_default();
    let updating = vault.update_user_key(&caller, &request.user, open_ai);
    let required = Required::by_default();
    let kept = required.fulfil(&state, &vault, &caller, updating).await?;
    model::answer(&request.user, Some(&kept), request.schema)
}
