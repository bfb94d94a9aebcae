//! Error responses in plain text, as the Pieces API's clients expect.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use strongroom_domain::VaultError;
use strongroom_web::refusal::{Refusal, RequestError};

use crate::error::{ApiError, RETRY_AFTER_SECONDS};

// The texts of these two are given by the Pieces API's documents.
const UNAUTHORIZED: &str = "Invalid Authentication, Incorrect API key provided or organization";
const INTERNAL: &str = "Internal Server Error";

/// An error response in plain text.
#[derive(Debug)]
pub(crate) struct PlainError(pub(crate) ApiError);

impl From<ApiError> for PlainError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<Refusal> for PlainError {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.into())
    }
}

impl From<VaultError> for PlainError {
    fn from(error: VaultError) -> Self {
        Self(error.into())
    }
}

impl From<RequestError> for PlainError {
    fn from(error: RequestError) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for PlainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for PlainError {
    fn status_code(&self) -> StatusCode {
        self.0.status()
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.0.status();
        let mut response = HttpResponse::build(status);
        response.content_type(ContentType::plaintext());
        for header in self.0.headers() {
            response.insert_header(header);
        }
        match status {
            StatusCode::UNAUTHORIZED => response.body(UNAUTHORIZED),
            StatusCode::INTERNAL_SERVER_ERROR => response.body(INTERNAL),
            StatusCode::SERVICE_UNAVAILABLE => response
                .insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS))
                .body(self.0.messages().join("; ")),
            _ => response.body(self.0.messages().join("; ")),
        }
    }
}
