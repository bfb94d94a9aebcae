//! What is wrong with the fields of a form.

use actix_web::http::StatusCode;
use strongroom_domain::{Denial, FieldError, VaultError};

/// What is wrong with the fields of a form, each beside its field.
#[derive(Debug, Default)]
pub(crate) struct FormErrors(Vec<FieldError>);

impl FormErrors {
    /// Adds that `message` is wrong with `field`.
    pub(crate) fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0
            .push(FieldError::new(field, "invalid_value", message));
    }

    /// `read`, or its error beside `field`.
    pub(crate) fn check<T>(&mut self, field: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|message| self.add(field, message)).ok()
    }

    /// Adds what the vault says about fields.
    ///
    /// # Errors
    /// `error` itself, if it is about none.
    pub(crate) fn add_refusal(&mut self, error: VaultError) -> Result<(), VaultError> {
        match error {
            VaultError::Invalid(errors) => self.0.extend(errors),
            VaultError::Forbidden(Denial::Grant(member)) => {
                self.add(member, "would exceed what your own key holds");
            }
            other => return Err(other),
        }
        Ok(())
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The status of the page with the form.
    pub(crate) fn status(&self) -> StatusCode {
        match self.is_empty() {
            true => StatusCode::OK,
            false => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[FieldError] {
        &self.0
    }

    /// What is wrong with `field`.
    pub(crate) fn of(&self, field: &str) -> Option<String> {
        let messages = self.0.iter().filter(|error| error.field == field);
        let messages: Vec<_> = messages.map(|error| error.message.as_str()).collect();
        (!messages.is_empty()).then(|| messages.join("; "))
    }
}
