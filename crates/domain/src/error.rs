//! Errors of the vault, and errors of input fields.

use std::time::Duration;

use crate::api_key::refusal::RefusedKey;
use crate::ids::CredentialId;
use crate::permission::Permission;
use crate::relay::error::RelayError;
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

/// The reason for which a caller may not do something. Its text reaches the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The caller lacks a permission.
    #[error("this requires the permission {}", .0.as_str())]
    Permission(Permission),
    /// Only the `strongroom` command does this.
    #[error("only the operator's command line does this")]
    Operator,
    /// The caller would grant more than it holds.
    #[error("{0} would exceed what the caller itself holds")]
    Grant(&'static str),
    /// The credential would lie outside what the caller's key reaches.
    #[error("the credential would lie outside the credentials that the key reaches")]
    Reach,
    /// The request is about the caller's own organization, which only an ancestor may do.
    #[error("only an ancestor of the organization may do this")]
    Ancestor,
    /// The key was issued by another organization.
    #[error("a key is replaced in its own organization only, and by itself")]
    OwnKey,
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
    /// The caller may not do this.
    #[error("the caller may not do this: {0}")]
    Forbidden(Denial),
    /// The input is invalid. Contains all errors.
    #[error("the input is invalid")]
    Invalid(Vec<FieldError>),
    /// The state of the object does not allow this. Nothing was changed.
    #[error("conflict: {}", .0.message())]
    Conflict(Conflict),
    /// The credential is not of a version that the request names, or there is none. Nothing was
    /// changed.
    #[error("the credential is not of a version that the request names")]
    PreconditionFailed,
    /// The object does not exist in the caller's organization.
    #[error("not found")]
    NotFound,
    /// The credential has no such value, or it is destroyed.
    #[error("the credential has no such value")]
    NoSuchVersion,
    /// The credential is not used without a reveal, or that has no answer.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// The credential has no relay policy.
    #[error("the credential has no relay policy")]
    NoRelayPolicy,
    /// Several credentials have the label. Contains the ids of the first ones.
    #[error("several credentials have the label")]
    AmbiguousLabel(Vec<CredentialId>),
    /// Readers have not read the current value. Contains them, as in the audit trail.
    #[error("readers have not read the current value")]
    StillRead(Vec<String>),
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

/// The state that does not allow a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// The organization has sub-organizations.
    HasSuborganizations,
    /// The organization has no ancestor, so only the operator deletes it.
    RootOrganization,
    /// The parent of the organization is deleted.
    ParentDeleted,
    /// The organization is as deep as an organization may be.
    TooDeep,
    /// A rotation of the organization's key is running.
    RotationRunning,
    /// The user of the Pieces API has another key.
    UserTaken,
    /// The organization keeps no former values, so that none can be pending.
    HistoryOff,
    /// A value is pending already.
    PendingExists,
    /// The value is the current one.
    CurrentVersion,
}

impl Conflict {
    /// The machine-readable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::HasSuborganizations => "has_suborganizations",
            Self::RootOrganization => "root_organization",
            Self::ParentDeleted => "parent_deleted",
            Self::TooDeep => "too_deep",
            Self::RotationRunning => "rotation_running",
            Self::UserTaken => "user_taken",
            Self::HistoryOff => "history_off",
            Self::PendingExists => "pending_exists",
            Self::CurrentVersion => "current_version",
        }
    }

    /// The conflict and its remedy.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::HasSuborganizations => {
                "the organization has sub-organizations; delete them first, or ask for the \
                 deletion of the whole subtree"
            }
            Self::RootOrganization => {
                "a root organization is deleted by the operator, with `strongroom org delete`"
            }
            Self::ParentDeleted => "the parent of the organization is deleted; restore it first",
            Self::TooDeep => "an organization has at most 8 ancestors",
            Self::RotationRunning => "a rotation of the organization's key is running",
            Self::UserTaken => "the user of the credential has another one now; delete that first",
            Self::HistoryOff => {
                "the organization keeps no other values; set versions_kept in \
                 /organizations/config first"
            }
            Self::PendingExists => "a value is pending already; promote or destroy it first",
            Self::CurrentVersion => "this is the current value; promote another one first",
        }
    }
}
