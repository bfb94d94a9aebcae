//! Responses of the Pieces API in plain text.

use actix_web::ResponseError;
use actix_web::body::MessageBody;
use strongroom_domain::VaultError;
use utoipa::openapi::{ContentBuilder, ResponseBuilder};

use crate::error::ApiError;
use crate::openapi::failure::example_of;
use crate::openapi::schemas::text;
use crate::plain_error::PlainError;

/// A response with the example's text or another one.
pub(super) fn plain(description: &str, example: impl Into<ApiError>) -> ResponseBuilder {
    let example = body_of(example.into());
    let content = ContentBuilder::new()
        .schema(Some(text()))
        .example(Some(example.into()));
    ResponseBuilder::new()
        .description(description)
        .content("text/plain", content.build())
}

/// A response whose example is the response to `error`.
pub(super) fn plain_failure(description: &str, error: &VaultError) -> ResponseBuilder {
    plain(description, example_of(error))
}

fn body_of(example: ApiError) -> String {
    let body = PlainError::from(example).error_response().into_body();
    let bytes = body.try_into_bytes().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
