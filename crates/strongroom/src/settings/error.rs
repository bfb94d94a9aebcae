//! What can be wrong with the configuration, and where a value came from.

use std::fmt;
use std::path::PathBuf;

use crate::settings::setting::{Key, Row, flag_name};

/// Where a value was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(Key),
    Variable(String),
    /// A variable of other programs, read last.
    Fallback(&'static str),
    File(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(key) => write!(f, "flag --{}", flag_name(key)),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Fallback(name) => write!(f, "variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

/// A problem with the configuration: the setting, the problem, and the value's origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("configuration: {key} is not set: {hint}")]
    Missing { key: Key, hint: String },
    #[error("configuration: {key} (from {origin}){value}: {problem}")]
    Invalid {
        key: Key,
        origin: Origin,
        value: String,
        problem: String,
    },
    #[error("configuration: {old} (from {origin}): is now named {new}")]
    Renamed { old: Key, origin: Origin, new: Key },
    #[error("configuration file {}: {problem}", file.display())]
    File { file: PathBuf, problem: String },
}

/// A value's text and its origin. Has no `Debug`: the text may be a secret.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) text: String,
    pub(crate) origin: Origin,
}

impl Found {
    /// The error for this value of the setting `row`.
    pub(crate) fn invalid(&self, row: &Row, problem: impl Into<String>) -> ConfigError {
        let value = if row.secret {
            String::new()
        } else {
            format!(" is {:?}", self.text)
        };
        ConfigError::Invalid {
            key: row.key,
            origin: self.origin.clone(),
            value,
            problem: problem.into(),
        }
    }
}
