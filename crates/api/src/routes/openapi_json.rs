use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;

use strongroom_domain::VaultError;

use crate::document::{any_object, openapi, schemas};
use crate::error::ApiError;

schemas! {
    /// An OpenAPI document.
    Document => any_object();
}

/// Shows this document.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "showDocument",
    responses((status = 200, description = "This document.", body = inline(Document)))
)]
pub(super) async fn handle() -> Result<HttpResponse, ApiError> {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    let document = match DOCUMENT.get() {
        Some(document) => document,
        None => {
            let made = openapi().map_err(|error| VaultError::Internal(error.to_string()))?;
            DOCUMENT.get_or_init(|| made)
        }
    };
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(document.as_str()))
}
