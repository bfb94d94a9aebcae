use strongroom_domain::RestoreError;
use strongroom_domain::ports::error::StoreError;

use crate::error::CommandError;

/// The error of copying the backup's keys into an empty database.
pub(super) fn install_error(error: StoreError) -> CommandError {
    match error {
        StoreError::Conflict => CommandError::Failed(
            "another process began to use the database at the same time, and nothing was restored. \
             Run the same command again"
                .into(),
        ),
        other => other.into(),
    }
}

impl From<RestoreError> for CommandError {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Store(StoreError::Conflict) => Self::Failed(
                "a row of an organization was created by another process at the same time, or its \
                 id or user belongs to another row; nothing of that organization was restored. \
                 Run the same command again"
                    .into(),
            ),
            RestoreError::Store(StoreError::RetiredKey) => Self::Failed(
                "a key was replaced at the same time, and nothing of that organization was \
                 restored. Run the same command again"
                    .into(),
            ),
            RestoreError::Store(error) => error.into(),
            RestoreError::Vault(error) => error.into(),
            other => Self::Failed(other.to_string()),
        }
    }
}
