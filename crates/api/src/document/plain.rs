//! Answers of the Pieces API: plain text.

use actix_web::ResponseError;
use actix_web::body::MessageBody;
use strongroom_domain::replication::OperationId;
use strongroom_domain::{FieldError, VaultError};
use utoipa::openapi::{ContentBuilder, ResponseBuilder};

use super::limits::too_many_plain;
use super::responses::{TOO_LARGE, operation_header, responses, retry_header};
use super::schemas::{one_of, text};
use crate::body;
use crate::error::{ApiError, public};
use crate::guard::RequestSizes;
use crate::routes::PlainError;

responses! {
    /// Whatever the three calls answer but success.
    PlainRefused => [
        400 plain(
            "What is wrong, each with its field, joined by `; `. Nothing was changed.",
            ApiError::invalid(vec![FieldError::new("user", "empty", "must not be empty")]),
        ),
        401 exact("No key, where none may come without; or one that is not valid.", &VaultError::Unauthorized),
        403 failed("The API key's role does not allow this.", &VaultError::Forbidden),
        408 plain(
            "The body did not arrive in time, and nothing was changed; or, with `SlashID-Operation-ID`, the write is \
             kept and goes on replicating, but some regions did not have it in time.",
            ApiError::replication_timeouts(OperationId(uuid::Uuid::nil()), vec!["us".to_owned()]),
        ).header("SlashID-Operation-ID", operation_header()),
        413 plain(TOO_LARGE, body::too_large(RequestSizes::default().body)),
        415 plain(
            "The content type is not `application/json`, its charset is not UTF-8, or there is a `Content-Encoding`.",
            body::unsupported(body::NOT_JSON),
        ),
        429 too_many_plain(),
        500 exact("A defect, or what is stored does not open.", &VaultError::Internal(String::new())),
        503 failed(
            "The service cannot answer now; the text says whether nothing was changed or nobody knows.",
            &VaultError::Unavailable(String::new()),
        ).header("Retry-After", retry_header()),
    ];
}

fn failed(description: &str, error: &VaultError) -> ResponseBuilder {
    plain(description, sample(error))
}

fn sample(error: &VaultError) -> ApiError {
    let (status, code, message) = public(error);
    ApiError::new(status, code, message)
}

/// An answer with this text and others.
pub(super) fn plain(description: &str, example: ApiError) -> ResponseBuilder {
    let content = ContentBuilder::new()
        .schema(Some(text()))
        .example(Some(said(example).into()));
    response(description, content)
}

// Always the same text.
fn exact(description: &str, error: &VaultError) -> ResponseBuilder {
    let text = said(sample(error));
    response(
        description,
        ContentBuilder::new().schema(Some(one_of([text.as_str()]))),
    )
}

fn response(description: &str, content: ContentBuilder) -> ResponseBuilder {
    ResponseBuilder::new()
        .description(description)
        .content("text/plain", content.build())
}

fn said(example: ApiError) -> String {
    let body = PlainError::from(example).error_response().into_body();
    let bytes = body.try_into_bytes().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
