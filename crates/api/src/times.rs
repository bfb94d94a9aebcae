//! Times in requests (RFC 3339).

use chrono::{DateTime, Datelike, Utc};
use strongroom_domain::FieldError;
use strongroom_domain::expiry::YEARS;

/// What a parameter with a time must be.
pub(crate) fn must_be_time() -> String {
    "a time as in RFC 3339, such as 2027-01-31T12:00:00Z".to_owned()
}

/// Parses a time in a query string, where an unescaped `+`, as in `+02:00`, arrives as a space.
pub(crate) fn in_query(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(&text.replace(' ', "+")).ok()?;
    Some(time.to_utc())
}

/// Parses the member `expires_at` of a body.
///
/// # Errors
/// A [`FieldError`] on it: `invalid_value`.
pub(crate) fn expires_at(text: &str) -> Result<DateTime<Utc>, FieldError> {
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    let time = time.ok().filter(|time| YEARS.contains(&time.year()));
    time.ok_or_else(|| {
        let message = "must be an RFC 3339 time, such as 2027-01-31T12:00:00Z";
        FieldError::new("expires_at", "invalid_value", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_may_have_an_unescaped_offset() {
        let time = in_query("2027-01-31T12:00:00 02:00").unwrap();
        assert_eq!(time.to_rfc3339(), "2027-01-31T10:00:00+00:00");
        assert!(in_query("2027-01-31").is_none());
        assert!(expires_at("2027-01-31T12:00:00 02:00").is_err());
        assert!(expires_at("9999-12-31T23:59:59-23:59").is_err());
    }
}
