use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use strongroom_domain::caller::Caller;
use strongroom_domain::oauth::client::parse_client_id;
use strongroom_domain::{KeyId, VaultError};
use utoipa::openapi::ObjectBuilder;

use crate::error::ApiError;
use crate::openapi::failure::failure;
use crate::openapi::parameters::{in_path, parameters};
use crate::openapi::responses::responses;
use crate::openapi::schemas::text;
use crate::routes::slashid::authorized::Authorized;

const NOT_FOUND: &str = "the organization has no such OAuth 2.0 client";

parameters! {
    /// The client's id in the path.
    ClientInPath => [in_path("oauth_client_id", id(), "The client's `client_id`.")];
}

responses! {
    /// There is no such client.
    NoSuchClient => [404 failure(
        "Neither the organization nor a descendant in which the caller acts has such a client.",
        &[],
        &absent(),
    )];
}

// 32 bytes in base32.
fn id() -> ObjectBuilder {
    text().pattern(Some("^src_[a-z2-7]{52}$"))
}

/// The caller in the organization of the client that the path names, and the client's id. It is the
/// caller's organization, or a descendant of it in which the caller may act.
pub(super) async fn owned_client(
    request: &HttpRequest,
    authorized: &Authorized,
) -> Result<(Caller, KeyId), ApiError> {
    let Authorized {
        caller,
        vault,
        state,
    } = authorized;
    let text = request.match_info().get("oauth_client_id");
    let (org, id) = text.and_then(parse_client_id).ok_or_else(absent)?;
    let acting = vault.act_in_descendant(caller, org);
    let acting = state.with_deadline(acting).await?;
    Ok((acting.ok_or_else(absent)?, id))
}

/// The response to an error of an operation on one client.
pub(super) fn client_error(error: VaultError) -> ApiError {
    match error {
        VaultError::NotFound => absent(),
        error => error.into(),
    }
}

fn absent() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", NOT_FOUND)
}
