//! Why a port did not do what it was asked.

use strongroom_crypto::CryptoError;

use crate::error::VaultError;
use crate::health::counters::Failure;

impl From<CryptoError> for VaultError {
    fn from(error: CryptoError) -> Self {
        match error {
            CryptoError::DoesNotOpen | CryptoError::UnknownFormat => {
                Self::Integrity("a sealed value does not open")
            }
            CryptoError::Random | CryptoError::PassphraseParams => {
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
                Self::Unavailable("the organization's key changed meanwhile".into())
            }
            StoreError::ReusedIdempotencyKey => Self::ReusedIdempotencyKey,
            StoreError::Conflict => Self::Internal("a unique key is taken".into()),
            StoreError::Refused(error) => *error,
            StoreError::Internal(why) => Self::Internal(why),
        }
    }
}

/// Why the database did not do what it was asked. Texts are for the log only.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or cannot answer now; nothing was written.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The part of the database that this needs cannot be reached or does not answer in time; nothing was written.
    /// What needs other parts may go on.
    #[error("the organization's part of the database is unavailable: {0}")]
    PartUnavailable(String),
    /// Something else holds what this needs; nothing was written. The same write may succeed soon.
    #[error("contended: {0}")]
    Contended(String),
    /// The organization is deleted, or has no key any more; nothing was written.
    #[error("the organization is deleted")]
    OrganizationGone,
    /// A stored row is not of the form that it was written in.
    #[error("a stored row is malformed: {0}")]
    Malformed(&'static str),
    /// The queue in front of the database is full; nothing was written.
    #[error("the queue is full")]
    Overloaded,
    /// The connection broke during COMMIT.
    #[error("the outcome of the commit is unknown: {0}")]
    OutcomeUnknown(String),
    /// The row to change is not there; nothing was written.
    #[error("no such row")]
    NotFound,
    /// The write was sealed under a key generation that is not the active one; nothing was written.
    #[error("the organization's key generation is not active")]
    RetiredKey,
    /// The idempotency key was used for another request; nothing was written.
    #[error("the idempotency key was used for another request")]
    ReusedIdempotencyKey,
    /// A unique key is taken; nothing was written.
    #[error("a unique key is taken")]
    Conflict,
    /// The change itself refused, having seen the row; nothing was written.
    #[error(transparent)]
    Refused(Box<VaultError>),
    /// Anything else: a defect, or a database that is not what was migrated.
    #[error("{0}")]
    Internal(String),
}

impl StoreError {
    /// How metrics count it.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::Unavailable(_) => Failure::Unavailable,
            Self::PartUnavailable(_) => Failure::PartUnavailable,
            Self::Contended(_) => Failure::Contended,
            Self::OutcomeUnknown(_) => Failure::OutcomeUnknown,
            Self::Conflict => Failure::Conflict,
            Self::RetiredKey => Failure::RetiredKey,
            Self::OrganizationGone => Failure::OrganizationGone,
            Self::Malformed(_) => Failure::Malformed,
            Self::Internal(_) => Failure::Internal,
            Self::Overloaded | Self::NotFound | Self::ReusedIdempotencyKey | Self::Refused(_) => {
                Failure::Other
            }
        }
    }
}

/// The result of a port's operation.
pub type StoreResult<T> = Result<T, StoreError>;
