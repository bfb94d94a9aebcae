use actix_web::http::StatusCode;
use actix_web::{Route, web};

use crate::error::ApiError;

/// 404 for a path that is not there.
pub(super) async fn not_found() -> Result<&'static str, ApiError> {
    Err(unknown_path())
}

/// Why a path is answered 404.
pub(super) fn unknown_path() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "unknown_path",
        "there is no such path",
    )
}

/// 405 for a path that takes other methods.
pub(super) fn allow(methods: String) -> Route {
    web::to(move || {
        let error = ApiError::method_not_allowed(&methods);
        async move { Err::<&str, _>(error) }
    })
}
