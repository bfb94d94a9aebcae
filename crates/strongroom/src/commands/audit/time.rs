use chrono::{DateTime, NaiveDate, Utc};

use crate::error::CommandError;

/// The value of `--flag`: a time, or a date, which means its beginning in UTC.
pub(super) fn time(flag: &str, text: &str) -> Result<DateTime<Utc>, CommandError> {
    parse_time(text).ok_or_else(|| {
        CommandError::Failed(format!(
            "--{flag} must be a date (2027-01-31) or a time (2027-01-31T12:00:00Z)"
        ))
    })
}

fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_date_or_has_an_offset() {
        let shown = |text| parse_time(text).map(|time| time.to_rfc3339());
        assert_eq!(
            shown("2027-01-31").as_deref(),
            Some("2027-01-31T00:00:00+00:00")
        );
        assert_eq!(
            shown("2027-01-31T12:00:00+02:00").as_deref(),
            Some("2027-01-31T10:00:00+00:00")
        );
        for bad in ["", "yesterday", "2027-02-30", "2027-01-31T12:00:00"] {
            assert_eq!(shown(bad), None, "{bad}");
        }
    }
}
