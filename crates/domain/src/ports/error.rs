//! The errors of ports, and their conversion to errors of the vault.

use strongroom_crypto::CryptoError;

use crate::error::VaultError;
use crate::health::counters::Failure;

impl From<CryptoError> for VaultError {
    fn from(error: CryptoError) -> Self {
        match error {
            CryptoError::DoesNotOpen | CryptoError::UnknownFormat => {
                Self::Integrity("a sealed value does not open")
            }
            CryptoError::Random | CryptoError::PassphraseParams | CryptoError::PrivateKey => {
                Self::Internal(error.to_string())
            }
        }
    }
}

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(why)
            | StoreError::PartUnavailable(why)
            | StoreError::Contended(why) => Self::Unavailable(why),
            StoreError::Malformed(what) => Self::Integrity(what),
            StoreError::Overloaded => Self::Unavailable("the queue is full".into()),
            StoreError::OutcomeUnknown(why) => Self::OutcomeUnknown(why),
            StoreError::NotFound => Self::NotFound,
            StoreError::OrganizationGone => Self::Unauthorized,
            StoreError::RetiredKey => {
                Self::Unavailable("the organization's key changed concurrently".into())
            }
            StoreError::OutdatedRow => {
                Self::Unavailable("the credential or its policy changed concurrently".into())
            }
            StoreError::ReusedIdempotencyKey => Self::ReusedIdempotencyKey,
            StoreError::Conflict => Self::Internal("a unique key exists already".into()),
            StoreError::Refused(error) => *error,
            StoreError::Internal(why) => Self::Internal(why),
        }
    }
}

/// An error of a store operation. Texts are for the log only.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is unreachable or cannot answer now. Nothing was written.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The part of the database that contains the organization is unreachable or does not answer in
    /// time. Nothing was written. Operations on other parts may succeed.
    #[error("the organization's part of the database is unavailable: {0}")]
    PartUnavailable(String),
    /// A concurrent transaction holds a required lock. Nothing was written. A retry may succeed.
    #[error("contended: {0}")]
    Contended(String),
    /// The organization is deleted or has no key. Nothing was written.
    #[error("the organization is deleted")]
    OrganizationGone,
    /// A stored row has an unexpected form.
    #[error("a stored row is malformed: {0}")]
    Malformed(&'static str),
    /// The queue in front of the database is full. Nothing was written.
    #[error("the queue is full")]
    Overloaded,
    /// The connection broke during COMMIT.
    #[error("the outcome of the commit is unknown: {0}")]
    OutcomeUnknown(String),
    /// The row does not exist. Nothing was written.
    #[error("no such row")]
    NotFound,
    /// The write was sealed with a key generation that is no longer active. Nothing was written.
    #[error("the organization's key generation is not active")]
    RetiredKey,
    /// The credential that is revealed or used, or its relay policy, has changed since it was read.
    /// Nothing was written.
    #[error("the credential or its relay policy has changed")]
    OutdatedRow,
    /// The idempotency key was used for a different request. Nothing was written.
    #[error("the idempotency key was used for another request")]
    ReusedIdempotencyKey,
    /// A unique key exists already. Nothing was written.
    #[error("a unique key exists already")]
    Conflict,
    /// The change function refused the current row. Nothing was written.
    #[error(transparent)]
    Refused(Box<VaultError>),
    /// Any other error: a defect, or a database with an unexpected schema.
    #[error("{0}")]
    Internal(String),
}

impl StoreError {
    /// The kind of failure in metrics.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::Unavailable(_) => Failure::Unavailable,
            Self::PartUnavailable(_) => Failure::PartUnavailable,
            Self::Contended(_) => Failure::Contended,
            Self::OutcomeUnknown(_) => Failure::OutcomeUnknown,
            Self::Conflict => Failure::Conflict,
            Self::RetiredKey => Failure::RetiredKey,
            Self::OutdatedRow => Failure::OutdatedRow,
            Self::OrganizationGone => Failure::OrganizationGone,
            Self::Malformed(_) => Failure::Malformed,
            Self::Internal(_) => Failure::Internal,
            Self::Overloaded | Self::NotFound | Self::ReusedIdempotencyKey | Self::Refused(_) => {
                Failure::Other
            }
        }
    }
}

/// The result of a store operation.
pub type StoreResult<T> = Result<T, StoreError>;
