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
    #[error(
        "configuration: variable {name} is not a known setting; {}",
        advice(similar.as_deref())
    )]
    Unknown {
        name: String,
        /// The name of a setting that was probably meant.
        similar: Option<String>,
    },
    #[error("configuration file {}: {problem}", file.display())]
    File { file: PathBuf, problem: String },
}

/// What to do about an unknown name.
pub(super) fn advice(similar: Option<&str>) -> String {
    match similar {
        Some(name) => format!("did you mean {name}?"),
        None => "docs/configuration.md lists all settings".into(),
    }
}

/// All problems with the configuration that were found; at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub(crate) struct ConfigErrors(pub(crate) Vec<ConfigError>);

fn lines(errors: &[ConfigError]) -> String {
    let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl ConfigErrors {
    /// An error if there are `problems`, each of them once.
    pub(super) fn none_of(problems: Vec<ConfigError>) -> Result<(), Self> {
        match distinct(problems) {
            problems if problems.is_empty() => Ok(()),
            problems => Err(Self(problems)),
        }
    }
}

/// Each of `problems` once.
pub(super) fn distinct(problems: Vec<ConfigError>) -> Vec<ConfigError> {
    let mut distinct: Vec<ConfigError> = Vec::new();
    for problem in problems {
        if !distinct.contains(&problem) {
            distinct.push(problem);
        }
    }
    distinct
}

impl ConfigError {
    /// Whether the value was given as a flag.
    pub(crate) fn is_about_a_flag(&self) -> bool {
        let (Self::Invalid { origin, .. } | Self::Renamed { origin, .. }) = self else {
            return false;
        };
        matches!(origin, Origin::Flag(_))
    }
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
