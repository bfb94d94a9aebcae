//! Reading of query strings.

use actix_web::web::Query;
use strongroom_domain::FieldError;

use crate::refusal::Refusal;

/// The parameters of a query string. A parameter that is sent twice is an error; an unknown one is
/// ignored.
pub struct Params {
    pairs: Vec<(String, String)>,
    /// The errors that were found so far.
    pub errors: Vec<FieldError>,
}

impl Params {
    /// Reads a query string.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        let pairs = Query::<Vec<(String, String)>>::from_query(query);
        Self {
            pairs: pairs.map(Query::into_inner).unwrap_or_default(),
            errors: Vec::new(),
        }
    }

    /// The parameter `name`, if it was sent.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let mut values = self.pairs.extract_if(.., |(key, _)| key == name);
        let (_, value) = values.next()?;
        if values.next().is_some() {
            self.errors
                .push(FieldError::new(name, "duplicate", "must not be sent twice"));
        }
        Some(value)
    }

    /// The parameter `name`, read with `parse`. If that fails, adds an error that says what the
    /// value must be.
    pub fn read<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        must_be: impl FnOnce() -> String,
    ) -> Option<T> {
        let text = self.take(name)?;
        let value = parse(&text);
        if value.is_none() {
            let message = format!("must be {}", must_be());
            self.errors
                .push(FieldError::new(name, "invalid_value", message));
        }
        value
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 400 with all errors, if there are any.
    pub fn finish(self) -> Result<(), Refusal> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(Refusal::invalid(self.errors))
        }
    }
}

/// Reads a whole number, for [`Params::read`].
#[must_use]
pub fn whole_number(text: &str) -> Option<i64> {
    // `parse` alone would also accept "+5".
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}
