use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::ThinData;
use strongroom_domain::VaultError;

use crate::error::ApiError;
use crate::openapi::document::Document;
use crate::openapi::schemas::{free_object, schemas};

schemas! {
    /// An OpenAPI document.
    Schema => free_object();
}

/// Shows this document.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "showDocument",
    responses((status = 200, description = "This document.", body = inline(Schema)))
)]
pub(in crate::routes) async fn handle(
    document: ThinData<&'static Document>,
) -> Result<HttpResponse, ApiError> {
    let text = document.0.text();
    let text = text.map_err(|error| VaultError::Internal(error.to_string()))?;
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(text))
}
