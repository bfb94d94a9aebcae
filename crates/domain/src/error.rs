//! What goes wrong, and what may be said about it.

use std::time::Duration;

use crate::replication::OperationId;

/// One thing wrong with one field of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where: `extcred_type`, `json_blob.client_secret`, a header's or parameter's name.
    pub field: String,
    /// Machine-readable kind, such as `required` or `too_long`.
    pub code: &'static str,
    /// What is wrong and what the rule is. Never quotes a secret.
    pub message: String,
}

impl FieldError {
    /// A field error of kind `code`.
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            code,
            message: message.into(),
        }
    }
}

/// Why the vault did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// No valid API key of the organization. One answer for every cause.
    #[error("authentication failed")]
    Unauthorized,
    /// The caller's role may not do this.
    #[error("the caller's role does not allow this")]
    Forbidden,
    /// The input breaks rules; all of them are listed.
    #[error("the input is invalid")]
    Invalid(Vec<FieldError>),
    /// There is no such thing in the caller's organization.
    #[error("not found")]
    NotFound,
    /// Something stored does not open: it was moved, altered, or its key is gone.
    #[error("a stored value failed its integrity check: {0}")]
    Integrity(&'static str),
    /// The database, or the queue in front of it, cannot take this now.
    #[error("temporarily unavailable: {0}")]
    Unavailable(String),
    /// The connection broke while the write was being committed: it may or may not have happened.
    #[error("the outcome of the write is unknown: {0}")]
    OutcomeUnknown(String),
    /// The write is durable, but some regions did not have it in time; it goes on replicating.
    #[error("replication timed out in {}", lagging.join(", "))]
    ReplicationTimeout {
        /// By which its further way can be asked about.
        operation: OperationId,
        /// The regions that did not have it.
        lagging: Vec<String>,
    },
    /// The idempotency key was used for another request; nothing was written.
    #[error("the idempotency key was used for another request")]
    ReusedIdempotencyKey,
    /// The region that reads come from is too far behind, by this much if that is known.
    #[error("the region's database is too far behind")]
    Stale(Option<Duration>),
    /// A defect or misconfiguration. The text is for the log only.
    #[error("internal error: {0}")]
    Internal(String),
}
