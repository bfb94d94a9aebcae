//! The label of a credential.

use serde::Serialize;

use crate::error::FieldError;

/// Longest label, in characters (Unicode scalar values).
pub const MAX_LABEL_CHARS: usize = 256;

/// A name that people give a credential: up to [`MAX_LABEL_CHARS`] characters, none a control character.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Label(String);

impl Label {
    /// Checks `text`.
    ///
    /// # Errors
    /// A [`FieldError`] on `extcred_label`: `too_long` or `control_character`.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let count = text.chars().count();
        if count > MAX_LABEL_CHARS {
            let message =
                format!("must have at most {MAX_LABEL_CHARS} characters, and has {count}");
            return Err(FieldError::new("extcred_label", "too_long", message));
        }
        if text.chars().any(char::is_control) {
            return Err(FieldError::new(
                "extcred_label",
                "control_character",
                "must not contain control characters",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// A label that the database holds, and that was checked when it came in.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
