//! Why a backup is not restored.

use crate::ports::error::StoreError;

/// Why a backup is not restored. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It is no backup, or not one that this program can read.
    #[error("{0}")]
    Unreadable(String),
    /// It is not what was written: cut short, spliced or altered.
    #[error(
        "the backup is damaged: {0}. Nothing of it can be relied on; use another copy, or another backup"
    )]
    Damaged(String),
    /// The configured root keys are not those of the backup, or of the database.
    #[error("{0}")]
    Keys(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Anything else.
    #[error(transparent)]
    Vault(#[from] crate::error::VaultError),
}

pub(super) fn damaged(why: impl Into<String>) -> RestoreError {
    RestoreError::Damaged(why.into())
}
