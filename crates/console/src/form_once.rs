//! Forms whose answer shows a secret, and which a browser repeats when such a page is reloaded.
//!
//! Nothing keeps the secret for a second answer, and nothing is stored for the form either. It says
//! when it was opened: what it created has its name and is younger.

use chrono::{DateTime, Utc};
use strongroom_web::form::Form;

use crate::error::PageError;
use crate::session::Session;

/// The field.
const FIELD: &str = "opened_at";

/// When a form was opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opened(i64);

impl Opened {
    /// Now.
    pub(crate) fn now(session: &Session) -> Self {
        Self(session.vault.now().timestamp_micros())
    }

    /// What the form says.
    ///
    /// # Errors
    /// 400 if it does not say it.
    pub(crate) fn take(form: &mut Form<'_>) -> Result<Self, PageError> {
        let text = form.take(FIELD)?;
        let opened = text.and_then(|text| text.parse().ok());
        opened.map(Self).ok_or_else(PageError::incomplete_form)
    }

    /// Whether one of `existing`, names with times of creation, came from this form with `name`.
    pub(crate) fn has_created<'a>(
        self,
        name: &str,
        mut existing: impl Iterator<Item = (&'a str, DateTime<Utc>)>,
    ) -> bool {
        existing.any(|(other, at)| other == name && at.timestamp_micros() >= self.0)
    }

    /// The value of the field.
    pub(crate) fn value(self) -> i64 {
        self.0
    }
}
