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

const NOT_FOUND: &str = "the organization has no such OAuth 2.0 client";

parameters! {
    /// The client's id in the path.
    ClientInPath => [in_path("oauth_client_id", id(), "The client's `client_id`.")];
}

responses! {
    /// There is no such client.
    NoSuchClient => [404 failure(
        "The organization has no such OAuth 2.0 client.",
        &[],
        &absent(),
    )];
}

// 32 bytes in base32.
fn id() -> ObjectBuilder {
    text().pattern(Some("^src_[a-z2-7]{52}$"))
}

/// The id of the client that the path names, if it can be one of the caller's organization.
pub(super) fn client_id(request: &HttpRequest, caller: &Caller) -> Result<KeyId, ApiError> {
    let text = request.match_info().get("oauth_client_id");
    match text.and_then(parse_client_id) {
        Some((org, id)) if org == caller.org() => Ok(id),
        _ => Err(absent()),
    }
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
