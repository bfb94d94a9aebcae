use strongroom_domain::UnlockError;
use strongroom_domain::ports::error::StoreError;
use strongroom_domain::{FieldError, VaultError};
use strongroom_storage::ConnectError;

use crate::settings::error::ConfigError;

/// Why a command failed, in words for whoever typed it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    #[error("{}", invalid(.0))]
    Invalid(Vec<FieldError>),
    #[error("{0}")]
    Failed(String),
    #[cfg(feature = "dev")]
    #[error(transparent)]
    Postgres(#[from] strongroom_pgdev::PgError),
}

impl CommandError {
    pub(crate) fn io(what: &str, error: &std::io::Error) -> Self {
        Self::Failed(format!("{what}: {error}"))
    }
}

impl From<VaultError> for CommandError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Invalid(fields) => Self::Invalid(fields),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

fn invalid(fields: &[FieldError]) -> String {
    let fields: Vec<_> = fields
        .iter()
        .map(|error| format!("--{} {}", error.field, error.message))
        .collect();
    fields.join("; ")
}
