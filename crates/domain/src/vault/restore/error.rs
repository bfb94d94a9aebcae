//! Errors of a restore.

use crate::ports::error::StoreError;

/// Errors of a restore.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The input is not a backup, or not one that this program can read.
    #[error("{0}")]
    Unreadable(String),
    /// The content is not as written: truncated, spliced or altered.
    #[error(
        "the backup is damaged: {0}. None of its content is reliable; use another copy or another \
         backup"
    )]
    Damaged(String),
    /// The configured root keys do not match the backup or the database.
    #[error("{0}")]
    Keys(String),
    /// An undo would put back more than fits in memory.
    #[error(
        "the values to put back exceed 256 MiB; put back fewer at a time, and name them with \
         --credential"
    )]
    TooMuch,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Any other error.
    #[error(transparent)]
    Vault(#[from] crate::error::VaultError),
}

pub(super) fn damaged(why: impl Into<String>) -> RestoreError {
    RestoreError::Damaged(why.into())
}
