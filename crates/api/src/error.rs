use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use strongroom_domain::json::JsonError;
use strongroom_domain::{FieldError, VaultError};

use crate::envelope::Envelope;

/// Seconds after which a caller may try again when we cannot answer now.
pub(crate) const RETRY_AFTER_SECONDS: &str = "1";

/// One entry of the envelope's `errors`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ErrorBody {
    httpcode: u16,
    message: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

/// An answer that is not the one hoped for. What is in it reaches the caller; causes go to the log.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    errors: Vec<ErrorBody>,
    allow: Option<&'static str>,
}

impl ApiError {
    /// One error that concerns no field.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let body = ErrorBody {
            httpcode: status.as_u16(),
            message: message.into(),
            code,
            field: None,
        };
        Self {
            status,
            errors: vec![body],
            allow: None,
        }
    }

    /// 400 for these fields.
    pub(crate) fn invalid(fields: Vec<FieldError>) -> Self {
        let status = StatusCode::BAD_REQUEST;
        let errors = fields
            .into_iter()
            .map(|error| ErrorBody {
                httpcode: status.as_u16(),
                message: format!("{} {}", error.field, error.message),
                code: error.code,
                field: Some(error.field),
            })
            .collect();
        Self {
            status,
            errors,
            allow: None,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What each error says.
    pub(crate) fn messages(&self) -> Vec<&str> {
        self.errors
            .iter()
            .map(|error| error.message.as_str())
            .collect()
    }

    /// 405, with the methods that the path takes.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let message = format!("this path takes {allow}");
        let error = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            message,
        );
        Self {
            allow: Some(allow),
            ..error
        }
    }
}

impl From<JsonError> for ApiError {
    fn from(error: JsonError) -> Self {
        let mut api = Self::new(StatusCode::BAD_REQUEST, error.code, error.message);
        if !error.field.is_empty() {
            api.errors[0].field = Some(error.field);
        }
        api
    }
}

impl From<VaultError> for ApiError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Invalid(fields) => return Self::invalid(fields),
            VaultError::Unavailable(ref why) => tracing::warn!(cause = %why, "not available"),
            VaultError::OutcomeUnknown(ref why) => tracing::warn!(cause = %why, "outcome unknown"),
            VaultError::Integrity(cause) => tracing::error!(cause, "integrity check failed"),
            VaultError::Internal(ref why) => tracing::error!(cause = %why, "internal error"),
            VaultError::Unauthorized | VaultError::Forbidden | VaultError::NotFound => {}
        }
        let (status, code, message) = public(&error);
        Self::new(status, code, message)
    }
}

fn public(error: &VaultError) -> (StatusCode, &'static str, &'static str) {
    match error {
        VaultError::Unauthorized => (
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "a valid API key of the organization is required in SlashID-API-Key",
        ),
        VaultError::Forbidden => (
            StatusCode::FORBIDDEN,
            "forbidden",
            "the API key's role does not allow this",
        ),
        VaultError::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid", "the input is invalid"),
        VaultError::NotFound => (
            StatusCode::NOT_FOUND,
            "not_found",
            "the organization has no such credential",
        ),
        VaultError::Integrity(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "integrity_failure",
            "the stored credential failed its integrity check and was not opened",
        ),
        VaultError::Unavailable(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "the service cannot answer now; nothing was changed; try again",
        ),
        VaultError::OutcomeUnknown(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "outcome_unknown",
            "the service lost its database before the answer; a change may or may not have been made",
        ),
        VaultError::Internal(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "an internal error; the log has more under this request's id",
        ),
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answered {}", self.status.as_u16())
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(allow) = self.allow {
            response.insert_header((ALLOW, allow));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "SlashID-API-Key realm=\"strongroom\""));
        }
        response.json(Envelope::failure(&self.errors))
    }
}
