//! The label of a credential.

use crate::error::FieldError;

/// The maximum length of a label, in characters (Unicode scalar values).
pub const MAX_LABEL_CHARS: usize = 256;

/// A human-readable name of a credential: at most [`MAX_LABEL_CHARS`] characters, no control
/// characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// Validates `text`.
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

    /// A label from the database, which was validated when it was stored.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text of the label.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
