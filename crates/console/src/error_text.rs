//! The texts of error pages.

use actix_web::http::StatusCode;
use strongroom_domain::VaultError;

/// The status, the code and the text of an error of the vault. Its cause is logged here.
pub(crate) fn public(error: &VaultError) -> (StatusCode, &'static str, String) {
    match error {
        VaultError::Forbidden(denial) => {
            let message = sentence(&denial.to_string());
            (StatusCode::FORBIDDEN, "forbidden", message)
        }
        VaultError::Relay(error) => {
            let message = sentence(&error.to_string());
            (StatusCode::UNPROCESSABLE_ENTITY, error.code(), message)
        }
        VaultError::Conflict(conflict) => {
            let message = sentence(conflict.message());
            (StatusCode::CONFLICT, conflict.code(), message)
        }
        VaultError::Invalid(errors) => {
            let errors = errors.iter();
            let errors = errors.map(|error| format!("“{}” {}", error.field, error.message));
            let message = sentence(&errors.collect::<Vec<_>>().join("; "));
            (StatusCode::BAD_REQUEST, "invalid", message)
        }
        other => {
            let (status, code, message) = fixed(other);
            (status, code, message.to_owned())
        }
    }
}

fn fixed(error: &VaultError) -> (StatusCode, &'static str, &'static str) {
    match error {
        VaultError::StillRead(_) => (
            StatusCode::CONFLICT,
            "still_read",
            "Readers have not read the current value yet. Nothing was destroyed.",
        ),
        VaultError::AmbiguousLabel(_) => (
            StatusCode::CONFLICT,
            "ambiguous_label",
            "Several credentials have this label.",
        ),
        VaultError::Unauthorized | VaultError::KeyRefused(_) => (
            StatusCode::FORBIDDEN,
            "unauthorized",
            "Your session has ended. Please sign in again.",
        ),
        VaultError::NotFound | VaultError::NoSuchVersion | VaultError::NoRelayPolicy => (
            StatusCode::NOT_FOUND,
            "not_found",
            "It does not exist, or your key does not reach it.",
        ),
        VaultError::ReusedIdempotencyKey => (
            StatusCode::CONFLICT,
            "reused_form",
            "This form was sent before, with other contents. Nothing was changed now. Open the \
             form again to send others.",
        ),
        VaultError::PreconditionFailed => (
            StatusCode::CONFLICT,
            "precondition_failed",
            "It was changed since you opened the page. Nothing was changed now. Open the page \
             again to see the present state.",
        ),
        VaultError::Integrity(cause) => {
            tracing::debug!(cause, "integrity check failed");
            let message = "The stored data failed its integrity check and was not opened. Please \
                           tell the operator.";
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "integrity_failure",
                message,
            )
        }
        other => unavailable(other),
    }
}

fn unavailable(error: &VaultError) -> (StatusCode, &'static str, &'static str) {
    match error {
        VaultError::OutcomeUnknown(why) => {
            tracing::debug!(cause = %why, "outcome unknown");
            let message = "The database did not answer in time. The change may or may not have \
                           been made: look before you repeat it.";
            (StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown", message)
        }
        VaultError::ReplicationTimeout { .. } => {
            let message = "The change is made, but a region does not show it yet. It will appear \
                           there: do not repeat it.";
            (StatusCode::REQUEST_TIMEOUT, "replication_timeout", message)
        }
        VaultError::Internal(why) => {
            tracing::error!(cause = %why, "internal error");
            let message = "This is a defect. The log has more under the number of this request.";
            (StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
        }
        other => {
            tracing::debug!(cause = %other, "not available");
            let message = "The service cannot answer now. Nothing was changed. Please try again.";
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
        }
    }
}

/// `text` with a capital letter and a full stop. The name of a field at its beginning is quoted
/// instead.
pub(crate) fn sentence(text: &str) -> String {
    let end = if text.ends_with('.') { "" } else { "." };
    let (word, rest) = text.split_at(text.find(' ').unwrap_or(text.len()));
    if word.contains('_') {
        return format!("“{word}”{rest}{end}");
    }
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}{end}", first.unwrap_or_default(), chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_begin_with_a_capital_letter_or_a_quoted_field() {
        assert_eq!(sentence("the key ends"), "The key ends.");
        assert_eq!(sentence("csrf_token is odd."), "“csrf_token” is odd.");
        assert_eq!(sentence("“name” is odd"), "“name” is odd.");
        assert_eq!(sentence(""), ".");
    }
}
