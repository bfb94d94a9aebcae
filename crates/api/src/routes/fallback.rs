//! Responses to unknown paths and methods.

use actix_web::http::StatusCode;
use actix_web::{Route, web};

use crate::error::ApiError;

/// 404 for an unknown path.
pub(super) async fn not_found() -> Result<&'static str, ApiError> {
    Err(unknown_path())
}

/// The 404 of an unknown path.
pub(super) fn unknown_path() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "unknown_path",
        "there is no such path",
    )
}

/// 405 for a path that supports only `methods`.
pub(super) fn method_not_allowed(methods: String) -> Route {
    web::to(move || {
        let error = ApiError::method_not_allowed(&methods);
        async move { Err::<&str, _>(error) }
    })
}
