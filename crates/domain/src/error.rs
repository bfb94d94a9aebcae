//! Errors of the vault, and errors of input fields.

use std::time::Duration;

use crate::api_key::refusal::RefusedKey;
use crate::replication::OperationId;

/// An error in one field of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field, such as `extcred_type`, `json_blob.client_secret`, or the name of a header or
    /// parameter.
    pub field: String,
    /// The machine-readable code, such as `required` or `too_long`.
    pub code: &'static str,
    /// The error and the rule that it violates. Never contains a secret.
    pub message: String,
}

impl FieldError {
    /// Creates a field error with `code`.
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            code,
            message: message.into(),
        }
    }
}

/// An error of a vault operation.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The request has no valid API key of the organization. The error is the same for every cause.
    #[error("authentication failed")]
    Unauthorized,
    /// The same, for a key that this service issued. Only the log and the audit trail may tell it
    /// from [`Self::Unauthorized`].
    #[error("authentication failed")]
    KeyRefused(RefusedKey),
    /// The caller's role does not permit the operation.
    #[error("the caller's role does not allow this")]
    Forbidden,
    /// The input is invalid. Contains all errors.
    #[error("the input is invalid")]
    Invalid(Vec<FieldError>),
    /// The object does not exist in the caller's organization.
    #[error("not found")]
    NotFound,
    /// A stored value does not open: it was moved or altered, or its key is missing.
    #[error("a stored value failed its integrity check: {0}")]
    Integrity(&'static str),
    /// The database, or the queue in front of it, cannot process the request now.
    #[error("temporarily unavailable: {0}")]
    Unavailable(String),
    /// The connection broke during the commit. The write may have been committed.
    #[error("the outcome of the write is unknown: {0}")]
    OutcomeUnknown(String),
    /// The write is durable, but some regions did not confirm it before the timeout. Replication
    /// continues.
    #[error("replication timed out in {}", lagging.join(", "))]
    ReplicationTimeout {
        /// The id with which the replication state can be queried.
        operation: OperationId,
        /// The regions that did not confirm the write.
        lagging: Vec<String>,
    },
    /// The idempotency key was used for a different request. Nothing was written.
    #[error("the idempotency key was used for a different request")]
    ReusedIdempotencyKey,
    /// The region that serves reads lags too far behind the primary. Contains the lag, if known.
    #[error("the region's database lags too far behind the primary")]
    Stale(Option<Duration>),
    /// A defect or a misconfiguration. The text is for the log only.
    #[error("internal error: {0}")]
    Internal(String),
}
