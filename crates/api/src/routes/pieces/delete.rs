use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::FieldError;
use strongroom_domain::json::value::Value;

use crate::consistency::WriteConsistency;
use crate::openapi::bodies::{KeptUserKey, UserKeyDeletion};
use crate::openapi::pieces_responses::PlainRefused;
use crate::plain_error::PlainError;
use crate::routes::pieces::caller::PiecesCaller;
use crate::routes::pieces::model;

/// Deletes the user's key if `open_AI` is true. Otherwise only returns it.
#[utoipa::path(
    post, path = "/external_provider/api_key/delete", operation_id = "deleteUserKey",
    request_body(content = UserKeyDeletion, example = json!({"user": "ann", "open_AI": true})),
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
    let request = model::parse(&body, flag)?;
    let kept = if request.open_ai == Some(true) {
        let deleting = vault.delete_user_key(&caller, &request.user);
        let consistency = WriteConsistency::default_from_now();
        consistency.run(&state, &vault, &caller, deleting).await?;
        None
    } else {
        state
            .with_deadline(vault.user_key(&caller, &request.user))
            .await?
    };
    model::answer(&request.user, kept.as_ref(), request.schema)
}

fn flag(value: Value<'_>) -> Result<bool, Vec<FieldError>> {
    value.as_bool().ok_or_else(|| {
        let message = format!("must be a boolean, and is {}", value.kind());
        vec![FieldError::new("open_AI", "wrong_type", message)]
    })
}
