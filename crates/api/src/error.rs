use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use strongroom_domain::json::value::JsonError;
use strongroom_domain::replication::OperationId;
use strongroom_domain::{FieldError, VaultError};

use crate::envelope::Envelope;

/// The path under which operations can be asked about.
pub(crate) const OPERATIONS: &str = "/organizations/config/operations";
/// Names the operation whose regions were not all in time.
pub(crate) const OPERATION_ID: HeaderName = HeaderName::from_static("slashid-operation-id");
/// How far the region that was read is behind, in seconds, when that is more than its bound.
pub(crate) const REPLICA_LAG: HeaderName = HeaderName::from_static("slashid-replica-lag");

/// A region's lag in whole seconds, rounded up.
pub(crate) fn seconds(lag: Option<Duration>) -> String {
    lag.map_or_else(
        || "unknown".into(),
        |lag| lag.as_millis().div_ceil(1000).to_string(),
    )
}

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
    #[serde(skip_serializing_if = "Option::is_none")]
    regions: Option<Vec<String>>,
}

/// An answer that is not the one hoped for. What is in it reaches the caller; causes go to the log.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    errors: Vec<ErrorBody>,
    headers: Vec<(HeaderName, String)>,
}

impl ApiError {
    /// One error that concerns no field.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let body = ErrorBody {
            httpcode: status.as_u16(),
            message: message.into(),
            code,
            field: None,
            regions: None,
        };
        Self {
            status,
            errors: vec![body],
            headers: Vec::new(),
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
                regions: None,
            })
            .collect();
        Self {
            status,
            errors,
            headers: Vec::new(),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What the first error is called.
    pub(crate) fn code(&self) -> Option<&'static str> {
        self.errors.first().map(|error| error.code)
    }

    pub(crate) fn errors(&self) -> &[ErrorBody] {
        &self.errors
    }

    /// What each error says.
    pub(crate) fn messages(&self) -> Vec<&str> {
        self.errors
            .iter()
            .map(|error| error.message.as_str())
            .collect()
    }

    /// 405, with the methods that the path takes.
    pub(crate) fn method_not_allowed(allow: &str) -> Self {
        let message = format!("this path takes {allow}");
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, "method_not_allowed", message).with(ALLOW, allow)
    }

    /// 408 for a write that is kept, but that `regions` did not have in time.
    pub(crate) fn replication_timeouts(operation: OperationId, regions: Vec<String>) -> Self {
        let message = format!(
            "the write is kept and goes on replicating, but it was not in time in: {}; ask \
             GET {OPERATIONS}/{} how far it is",
            regions.join(", "),
            operation.0
        );
        let mut error = Self::new(StatusCode::REQUEST_TIMEOUT, "not_in_time", message)
            .with(OPERATION_ID, operation.0);
        error.errors[0].regions = Some(regions);
        error
    }

    /// 503 for a read from a region that is too far behind.
    pub(crate) fn stale(lag: Option<Duration>) -> Self {
        let message = "the region's database is too far behind the primary; nothing was read";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stale_region", message)
            .with(REPLICA_LAG, seconds(lag))
    }

    /// 429 for a caller who has used up `limit`, with the seconds until it may ask again.
    pub(crate) fn rate_limited(limit: &str, seconds: u64) -> Self {
        let message =
            format!("too many requests: the limit of this {limit} is reached; nothing was done");
        Self::too_many("rate_limited", message, seconds)
    }

    /// 429 for an address from which too many authentications failed.
    pub(crate) fn held_off(seconds: u64) -> Self {
        let message = "too many failed authentications from this address; nothing was looked up";
        Self::too_many("too_many_failures", message, seconds)
    }

    fn too_many(code: &'static str, message: impl Into<String>, seconds: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, message).with(RETRY_AFTER, seconds)
    }

    /// Adds a header that is text already.
    pub(crate) fn with_value(self, name: HeaderName, value: &HeaderValue) -> Self {
        match value.to_str() {
            Ok(text) => self.with(name, text),
            Err(_) => self,
        }
    }

    fn with(mut self, name: HeaderName, value: impl fmt::Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Headers that belong to the answer.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (HeaderName, &str)> {
        let own = self.headers.iter();
        own.map(|(name, value)| (name.clone(), value.as_str()))
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
            // These hit many requests at once: their cause is logged where it begins and where it ends.
            VaultError::Unavailable(ref why) => tracing::debug!(cause = %why, "not available"),
            VaultError::OutcomeUnknown(ref why) => tracing::debug!(cause = %why, "outcome unknown"),
            VaultError::Integrity(cause) => tracing::debug!(cause, "integrity check failed"),
            VaultError::Internal(ref why) => tracing::error!(cause = %why, "internal error"),
            VaultError::ReplicationTimeout { operation, lagging } => {
                tracing::debug!(operation = %operation.0, regions = ?lagging, "replication timed out");
                return Self::replication_timeouts(operation, lagging);
            }
            VaultError::Stale(lag) => return Self::stale(lag),
            VaultError::Unauthorized
            | VaultError::Forbidden
            | VaultError::NotFound
            | VaultError::ReusedIdempotencyKey => {}
        }
        let (status, code, message) = public(&error);
        Self::new(status, code, message)
    }
}

/// What a caller learns of `error`: status, code and message.
pub(crate) fn public(error: &VaultError) -> (StatusCode, &'static str, &'static str) {
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
        VaultError::ReusedIdempotencyKey => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "reused_idempotency_key",
            "Idempotency-Key was used for a request with another body in the last 24 hours",
        ),
        VaultError::Integrity(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "integrity_failure",
            "the stored credential failed its integrity check and was not opened",
        ),
        VaultError::Unavailable(_)
        | VaultError::ReplicationTimeout { .. }
        | VaultError::Stale(_) => (
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
        for header in self.headers() {
            response.insert_header(header);
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
