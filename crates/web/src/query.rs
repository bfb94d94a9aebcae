//! Reading of query strings.

use actix_web::web::Query;
use strongroom_domain::FieldError;
use strongroom_domain::json::value::printable_name;

use crate::refusal::Refusal;

/// The parameters of a query string, taken one by one. A parameter that is sent twice is an error,
/// and so is one that is left over: a misspelled filter must not widen what a call reads or
/// deletes.
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
        let pairs = pairs.map(Query::into_inner).unwrap_or_default();
        // Bytes that are not UTF-8 arrive as this character, unless it was sent itself.
        let was_sent = query.to_ascii_uppercase().contains("%EF%BF%BD");
        let is_malformed = |value: &str| value.contains('\u{fffd}') && !was_sent;
        let malformed = pairs.iter().filter(|(_, value)| is_malformed(value));
        let errors = malformed.map(|(name, _)| {
            FieldError::new(printable_name(name), "invalid_value", "must be UTF-8")
        });
        let errors = errors.collect();
        Self { pairs, errors }
    }

    /// Checks the query string of a call without parameters.
    ///
    /// # Errors
    /// 400 if it has one.
    pub fn none(query: &str) -> Result<(), Refusal> {
        Self::parse(query).finish()
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
    pub fn finish(mut self) -> Result<(), Refusal> {
        let unknown = self.pairs.iter().map(|(name, _)| {
            let name = printable_name(name);
            FieldError::new(name, "unknown_parameter", "is not a parameter of this call")
        });
        self.errors.extend(unknown);
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
