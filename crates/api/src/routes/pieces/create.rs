use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::pieces::OpenAi;

use crate::consistency::WriteConsistency;
use crate::openapi::bodies::{KeptUserKey, NewUserKey};
use crate::openapi::pieces_responses::PlainRefused;
use crate::plain_error::PlainError;
use crate::routes::pieces::caller::PiecesCaller;
use crate::routes::pieces::model;

/// Stores `open_AI` for the user and replaces the previous one. Without `open_AI`, nothing changes.
#[utoipa::path(
    post, path = "/external_provider/api_key/create", operation_id = "createUserKey",
    request_body(content = NewUserKey, example = json!({
        "user": "ann",
        "open_AI": {"api_key": "sk-1", "api_key_name": "laptop"},
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
    let creating = vault.create_user_key(&caller, &request.user, request.open_ai);
    let consistency = WriteConsistency::default_from_now();
    let kept = consistency.run(&state, &vault, &caller, creating).await?;
    model::answer(&request.user, kept.as_ref(), request.schema)
}
