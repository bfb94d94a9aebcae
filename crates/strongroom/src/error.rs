use std::fmt::Display;
use std::process::ExitCode;

use strongroom_domain::ports::error::StoreError;
use strongroom_domain::{FieldError, UnlockError, VaultError};
use strongroom_storage::ConnectError;

use crate::settings::error::{ConfigError, ConfigErrors};

/// Why a command failed, as shown to the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    #[error("{}", invalid(.0))]
    Invalid(Vec<FieldError>),
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Failed(String),
    /// The messages of a server that refused a request, or failed.
    #[error("{}", .0.join("; "))]
    Server(Vec<String>),
    #[cfg(feature = "dev")]
    #[error(transparent)]
    Postgres(#[from] strongroom_pgdev::PgError),
}

impl CommandError {
    /// 2 if the command line is wrong, else 1.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) | Self::Invalid(_) => ExitCode::from(2),
            Self::Config(errors) if errors.0.iter().any(ConfigError::is_about_a_flag) => {
                ExitCode::from(2)
            }
            _ => ExitCode::FAILURE,
        }
    }

    /// The error as one or more messages.
    pub(crate) fn messages(&self) -> Vec<String> {
        match self {
            Self::Config(errors) => errors.0.iter().map(ToString::to_string).collect(),
            Self::Server(messages) => messages.clone(),
            other => vec![other.to_string()],
        }
    }

    /// That `what` failed because of `error`.
    pub(crate) fn io(what: &str, error: &std::io::Error) -> Self {
        Self::Failed(format!("{what}: {error}"))
    }

    /// That there is no `what` with this id.
    pub(crate) fn not_found(what: &str, id: impl Display) -> Self {
        Self::Failed(format!("there is no {what} with id {id}"))
    }

    /// `error`, where "not found" means that there is no `what` with this id.
    pub(crate) fn about(error: VaultError, what: &str, id: impl Display) -> Self {
        match error {
            VaultError::NotFound => Self::not_found(what, id),
            other => other.into(),
        }
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error.into())
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

/// The flag that sets a field.
fn flag(field: &str) -> &str {
    match field {
        "expires_at" => "expires",
        "permissions" => "permission",
        "credentials" => "label-prefix, --provider, --type, --credential",
        field => field,
    }
}

fn invalid(fields: &[FieldError]) -> String {
    let fields: Vec<_> = fields
        .iter()
        .map(|error| format!("--{} {}", flag(&error.field), error.message))
        .collect();
    fields.join("; ")
}
