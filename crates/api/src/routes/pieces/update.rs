use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::pieces::OpenAi;

use crate::consistency::WriteConsistency;
use crate::openapi::bodies::{KeptUserKey, UserKeyChange};
use crate::openapi::pieces_responses::PlainRefused;
use crate::plain_error::PlainError;
use crate::routes::pieces::caller::PiecesCaller;
use crate::routes::pieces::model;

/// Changes the members of `open_AI` that are sent. The user may be new.
#[utoipa::path(
    post, path = "/external_provider/api_key/update", operation_id = "updateUserKey",
    request_body(content = UserKeyChange, example = json!({
        "user": "ann",
        "open_AI": {"api_key_name": "desktop"},
    })),
    responses(
        (status = 200, description = "The stored key after the request.", body = KeptUserKey),
        PlainRefused,
    ),
)]
pub(in crate::routes) async fn handle(
    PiecesCaller {
        caller,
        vault,
        state,
    }: PiecesCaller,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, PlainError> {
    let body = model::read(&request, payload, &state).await?;
    let request = model::parse(&body, OpenAi::parse)?;
    let open_ai = request.open_ai.unwrap_or_default();
    let updating = vault.update_user_key(&caller, &request.user, open_ai);
    let consistency = WriteConsistency::default_from_now();
    let kept = consistency.run(&state, &vault, &caller, updating).await?;
    model::answer(&request.user, Some(&kept), request.schema)
}
