use actix_web::http::header::HeaderMap;
use strongroom_domain::FieldError;

use crate::error::ApiError;

const LEVEL: &str = "SlashID-Required-Consistency";
const TIMEOUT: &str = "SlashID-Required-Consistency-Timeout";

/// Checks the consistency headers of a write. Without standby regions, both levels mean the same: the write
/// is durable here before the answer leaves.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut errors = Vec::new();
    if !all(headers, LEVEL, |value| {
        matches!(value, "local_region" | "all_regions")
    }) {
        let message = "must be local_region or all_regions";
        errors.push(FieldError::new(LEVEL, "invalid_value", message));
    }
    if !all(headers, TIMEOUT, is_timeout) {
        let message = "must be a whole number of seconds from 1 to 120";
        errors.push(FieldError::new(TIMEOUT, "invalid_value", message));
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(ApiError::invalid(errors))
    }
}

// Sent twice, a header says two things; none of them counts.
fn all(headers: &HeaderMap, name: &str, valid: impl Fn(&str) -> bool) -> bool {
    let values: Vec<_> = headers.get_all(name).collect();
    values.len() <= 1 && values.iter().all(|value| value.to_str().is_ok_and(&valid))
}

fn is_timeout(value: &str) -> bool {
    // `parse` alone would also take "+5".
    let digits = value.len() <= 3 && value.bytes().all(|byte| byte.is_ascii_digit());
    digits
        && value
            .parse()
            .is_ok_and(|seconds: u8| (1..=120).contains(&seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_whole_seconds_from_1_to_120() {
        for good in ["1", "30", "120", "007"] {
            assert!(is_timeout(good), "{good}");
        }
        for bad in [
            "", "0", "121", "-1", "+5", "1.5", "1e2", " 5", "5s", "300", "0x1", "1000000",
        ] {
            assert!(!is_timeout(bad), "{bad}");
        }
    }
}
