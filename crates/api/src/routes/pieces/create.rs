use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::pieces::OpenAi;

use super::caller::PiecesCaller;
use super::model;
use super::plain::PlainError;
use crate::consistency::Required;

/// `POST /external_provider/api_key/create`: keeps `open_AI` for the user, in place of what was kept; 200 with
/// what is kept now.
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
    let creating = vault.create_user_key(&caller, &request.user, request.open_ai);
    let required = Required::by_default();
    let kept = required.fulfil(&state, &vault, &caller, creating).await?;
    model::answer(&request.user, kept.as_ref(), request.schema)
}
