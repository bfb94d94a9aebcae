use actix_web::http::StatusCode;
use actix_web::{Route, web};

use crate::error::ApiError;

/// 404 for a path that is not there.
pub(super) async fn not_found() -> Result<&'static str, ApiError> {
    Err(ApiError::new(
        StatusCode::NOT_FOUND,
        "unknown_path",
        "there is no such path",
    ))
}

/// 405 for a path that takes other methods.
pub(super) fn allow(methods: &'static str) -> Route {
    web::to(move || async move { Err::<&str, _>(ApiError::method_not_allowed(methods)) })
}
