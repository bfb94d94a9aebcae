//! Error responses of the token endpoints: those of RFC 6749 § 5.2, and the envelope.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use strongroom_domain::VaultError;
use strongroom_web::refusal::{Refusal, RequestError};

use crate::envelope::Envelope;
use crate::error::{ApiError, RETRY_AFTER_SECONDS};
use crate::presented::BASIC_CHALLENGE;

/// The errors of RFC 6749 that these endpoints answer with, besides those that other errors become.
const RFC_6749: [&str; 4] = [
    "invalid_client",
    "invalid_request",
    "invalid_scope",
    "unsupported_grant_type",
];

/// An error response of a token endpoint.
#[derive(Debug)]
pub(crate) struct TokenError(pub(crate) ApiError);

/// Its body.
#[derive(Serialize)]
pub(crate) struct TokenErrorBody<'a> {
    error: &'a str,
    error_description: &'a str,
    #[serde(flatten)]
    envelope: Envelope<'a, ()>,
}

impl TokenError {
    /// 400 with this error of RFC 6749.
    pub(crate) fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self(ApiError::new(StatusCode::BAD_REQUEST, error, description))
    }

    /// 401: there are no valid id and secret of a client.
    pub(crate) fn invalid_client() -> Self {
        let message = "the id and secret of a client are required in Authorization, by HTTP Basic \
                       (client_secret_basic) and no other method";
        let error = ApiError::new(StatusCode::UNAUTHORIZED, "invalid_client", message);
        Self(error.with_challenge(BASIC_CHALLENGE))
    }

    /// The body of the response.
    pub(crate) fn body(&self) -> TokenErrorBody<'_> {
        TokenErrorBody {
            error: self.rfc_error(),
            error_description: self.0.messages().first().copied().unwrap_or_default(),
            envelope: self.0.envelope(),
        }
    }

    fn rfc_error(&self) -> &'static str {
        let code = self.0.code().unwrap_or_default();
        match self.0.status() {
            _ if RFC_6749.contains(&code) => code,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                "temporarily_unavailable"
            }
            status if status.is_server_error() => "server_error",
            _ => "invalid_request",
        }
    }
}

impl From<ApiError> for TokenError {
    fn from(error: ApiError) -> Self {
        match error.status() {
            StatusCode::UNAUTHORIZED => Self::invalid_client(),
            // RFC 6749 § 5.2 has 400 for a malformed request.
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                let messages = error.messages();
                let description = messages.first().copied().unwrap_or_default().to_owned();
                Self::new("invalid_request", description)
            }
            _ => Self(error),
        }
    }
}

impl From<Refusal> for TokenError {
    fn from(refusal: Refusal) -> Self {
        ApiError::from(refusal).into()
    }
}

impl From<VaultError> for TokenError {
    fn from(error: VaultError) -> Self {
        ApiError::from(error).into()
    }
}

impl From<RequestError> for TokenError {
    fn from(error: RequestError) -> Self {
        ApiError::from(error).into()
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for TokenError {
    fn status_code(&self) -> StatusCode {
        self.0.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.0.status());
        for header in self.0.headers() {
            response.insert_header(header);
        }
        if self.0.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        response.json(self.body())
    }
}
