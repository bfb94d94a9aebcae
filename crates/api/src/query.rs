use actix_web::web::Query;
use strongroom_domain::FieldError;

use crate::error::ApiError;

/// Rows on a page when the caller does not say.
pub(crate) const DEFAULT_LIMIT: i64 = 100;
/// Most rows on a page.
pub(crate) const MAX_LIMIT: i64 = 1000;

/// A query string's parameters. One that is sent twice is an error; one that nobody asks for is ignored.
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    pub(crate) errors: Vec<FieldError>,
}

impl Params {
    pub(crate) fn parse(query: &str) -> Self {
        let pairs = Query::<Vec<(String, String)>>::from_query(query);
        Self {
            pairs: pairs.map(Query::into_inner).unwrap_or_default(),
            errors: Vec::new(),
        }
    }

    /// The parameter called `name`, if it was sent.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let mut values = self.pairs.extract_if(.., |(key, _)| key == name);
        let (_, value) = values.next()?;
        if values.next().is_some() {
            self.errors
                .push(FieldError::new(name, "duplicate", "must not be sent twice"));
        }
        Some(value)
    }

    /// The parameter called `name`, read with `parse`; notes an error that says what it must be.
    pub(crate) fn read<T>(
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

    /// All errors, if there is any.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(ApiError::invalid(self.errors))
        }
    }
}

/// A whole number, for [`Params::read`].
pub(crate) fn whole_number(text: &str) -> Option<i64> {
    // `parse` alone would also take "+5".
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}
