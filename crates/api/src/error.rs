//! Error responses in the envelope.

use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use strongroom_domain::replication::OperationId;
use strongroom_domain::{CredentialId, FieldError, VaultError};
use strongroom_web::refusal::{Refusal, RequestError};

use crate::envelope::{Envelope, ErrorBody};
use crate::headers::{OPERATION_ID, REPLICA_LAG};
use crate::paths::OPERATIONS;
use crate::public_error::public;
use crate::replica_lag;

/// Seconds after which a caller may retry a request that was answered 503.
pub(crate) const RETRY_AFTER_SECONDS: &str = "1";

/// An error response. All of it reaches the caller; causes go to the log.
#[derive(Debug)]
pub(crate) struct ApiError {
    refusal: Refusal,
    named: Named,
}

/// What an error names besides its field.
#[derive(Debug, Default)]
enum Named {
    #[default]
    Nothing,
    /// The regions that did not have a write in time.
    Regions(Vec<String>),
    /// The credentials that have a label.
    Credentials(Vec<CredentialId>),
    /// The readers that have not read the current value.
    Readers(Vec<String>),
}

impl ApiError {
    /// One error that concerns no field.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Refusal::new(status, code, message).into()
    }

    /// 404 for an object that is no credential.
    pub(crate) fn no_such(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 428 for a write that must name the version to which it applies.
    pub(crate) fn unconditional() -> Self {
        let message = "If-Match is required: the etag of the credential's version";
        Self::new(
            StatusCode::PRECONDITION_REQUIRED,
            "precondition_required",
            message,
        )
    }

    /// 400 with one error for each field.
    pub(crate) fn invalid(fields: Vec<FieldError>) -> Self {
        Refusal::invalid(fields).into()
    }

    /// 405, with the methods that the path supports.
    pub(crate) fn method_not_allowed(allow: &str) -> Self {
        let message = format!("this path supports {allow}");
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let refusal = Refusal::new(status, "method_not_allowed", message);
        refusal.with_header(ALLOW, allow).into()
    }

    /// 408 for a committed write that `regions` did not have in time.
    pub(crate) fn replication_timeouts(operation: OperationId, regions: Vec<String>) -> Self {
        let message = format!(
            "committed, still replicating to {}. Do not repeat without Idempotency-Key. \
             GET {OPERATIONS}/{} shows its progress",
            regions.join(", "),
            operation.0
        );
        let refusal = Refusal::new(StatusCode::REQUEST_TIMEOUT, "not_in_time", message);
        Self {
            refusal: refusal.with_header(OPERATION_ID, operation.0),
            named: Named::Regions(regions),
        }
    }

    /// 503 for a read from a region that is too far behind.
    fn stale(lag: Option<Duration>) -> Self {
        let message = "the region's database is too far behind the primary; nothing was read";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "stale_region", message)
            .with_header(REPLICA_LAG, replica_lag::seconds(lag))
            .into()
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.refusal.status
    }

    /// The same error, with this header.
    pub(crate) fn with_header(self, name: HeaderName, value: &str) -> Self {
        let refusal = self.refusal.with_header(name, value);
        Self { refusal, ..self }
    }

    /// The same error, with this value of `WWW-Authenticate`.
    pub(crate) fn with_challenge(self, challenge: &str) -> Self {
        let refusal = self.refusal.with_header(WWW_AUTHENTICATE, challenge);
        Self { refusal, ..self }
    }

    /// The same error, with this code of its first entry.
    pub(crate) fn with_code(mut self, code: &'static str) -> Self {
        if let Some(first) = self.refusal.errors.first_mut() {
            first.code = code;
        }
        self
    }

    fn naming(self, named: Named) -> Self {
        Self { named, ..self }
    }

    /// The code of the first error.
    pub(crate) fn code(&self) -> Option<&'static str> {
        self.refusal.code()
    }

    /// The message of each error.
    pub(crate) fn messages(&self) -> Vec<&str> {
        let errors = self.refusal.errors.iter();
        errors.map(|error| error.message.as_str()).collect()
    }

    /// The headers that belong to the response.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (HeaderName, &str)> {
        let headers = self.refusal.headers.iter();
        headers.map(|(name, value)| (name.clone(), value.as_str()))
    }

    /// The errors in their envelope.
    pub(crate) fn envelope(&self) -> Envelope<'_, ()> {
        let errors = self.refusal.errors.iter().map(|error| ErrorBody {
            httpcode: self.refusal.status.as_u16(),
            message: &error.message,
            code: error.code,
            field: error.field.as_deref(),
            regions: match &self.named {
                Named::Regions(regions) => Some(regions),
                _ => None,
            },
            credentials: match &self.named {
                Named::Credentials(credentials) => Some(credentials),
                _ => None,
            },
            readers: match &self.named {
                Named::Readers(readers) => Some(readers),
                _ => None,
            },
        });
        Envelope::failure(errors.collect())
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            named: Named::Nothing,
        }
    }
}

impl From<VaultError> for ApiError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Invalid(fields) => return Self::invalid(fields),
            // These affect many requests at once. Their cause is logged where it begins and ends.
            VaultError::Unavailable(ref why) => tracing::debug!(cause = %why, "not available"),
            VaultError::OutcomeUnknown(ref why) => tracing::debug!(cause = %why, "outcome unknown"),
            VaultError::Integrity(cause) => tracing::debug!(cause, "integrity check failed"),
            VaultError::Internal(ref why) => tracing::error!(cause = %why, "internal error"),
            VaultError::ReplicationTimeout { operation, lagging } => {
                let id = operation.0;
                tracing::debug!(operation = %id, regions = ?lagging, "replication timed out");
                return Self::replication_timeouts(operation, lagging);
            }
            VaultError::Stale(lag) => return Self::stale(lag),
            VaultError::AmbiguousLabel(credentials) => {
                let (status, code, message) = public(&VaultError::AmbiguousLabel(Vec::new()));
                let named = Named::Credentials(credentials);
                return Self::new(status, code, message).naming(named);
            }
            VaultError::StillRead(readers) => {
                let (status, code, message) = public(&VaultError::StillRead(Vec::new()));
                return Self::new(status, code, message).naming(Named::Readers(readers));
            }
            VaultError::Unauthorized
            | VaultError::KeyRefused(_)
            | VaultError::Forbidden(_)
            | VaultError::Conflict(_)
            | VaultError::NotFound
            | VaultError::NoSuchVersion
            | VaultError::NoRelayPolicy
            | VaultError::Relay(_)
            | VaultError::PreconditionFailed
            | VaultError::ReusedIdempotencyKey => {}
        }
        let (status, code, message) = public(&error);
        Self::new(status, code, message)
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Refused(refusal) => refusal.into(),
            RequestError::Vault(error) => error.into(),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answered {}", self.status().as_u16())
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status());
        for header in self.headers() {
            response.insert_header(header);
        }
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        let is_challenged = self.headers().any(|(name, _)| name == WWW_AUTHENTICATE);
        if self.status() == StatusCode::UNAUTHORIZED && !is_challenged {
            response.insert_header((WWW_AUTHENTICATE, "SlashID-API-Key realm=\"strongroom\""));
        }
        response.json(self.envelope())
    }
}
