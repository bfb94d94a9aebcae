use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::pieces::OpenAi;

use super::caller::PiecesCaller;
use super::model;
use super::plain::PlainError;
use crate::consistency::Required;

/// `POST /external_provider/api_key/update`: changes the members of `open_AI` that are sent, of a user who may
/// be new; 200 with what is kept now.
pub(super) async fn handle(
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
