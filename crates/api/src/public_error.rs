//! What a caller receives for an error of the vault.

use actix_web::http::StatusCode;
use strongroom_domain::VaultError;
use strongroom_domain::relay::error::RelayError;

const UNAUTHORIZED: &str = "a valid API key of the organization is required in SlashID-API-Key, or \
                            an access token or client of it in Authorization";
const NO_CREDENTIAL: &str = "the organization has no such credential";
const NO_VERSION: &str = "the credential has no such value, or it was destroyed";
const NO_POLICY: &str = "the credential has no relay policy";
const AMBIGUOUS: &str = "several credentials have this label; reveal one by its id";
const STILL_READ: &str = "readers have not read the current value; nothing was destroyed";
const OTHER_VERSION: &str = "the credential is of no version in If-Match; nothing was changed";
const NOT_OPENED: &str = "the stored credential failed its integrity check and was not opened";
const DEFECT: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
const REUSED_KEY: &str = "Idempotency-Key was used for a request with another body in the last 24 \
                          hours";

/// The status, code and message that a caller receives for `error`.
pub(crate) fn public(error: &VaultError) -> (StatusCode, &'static str, String) {
    let (status, code, message) = match error {
        VaultError::Forbidden(denial) => {
            return (StatusCode::FORBIDDEN, "forbidden", denial.to_string());
        }
        VaultError::Relay(error) => return (relay_status(error), error.code(), error.to_string()),
        VaultError::Conflict(conflict) => {
            (StatusCode::CONFLICT, conflict.code(), conflict.message())
        }
        VaultError::Unauthorized | VaultError::KeyRefused(_) => {
            (StatusCode::UNAUTHORIZED, "unauthorized", UNAUTHORIZED)
        }
        VaultError::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid", "the input is invalid"),
        VaultError::NotFound => (StatusCode::NOT_FOUND, "not_found", NO_CREDENTIAL),
        VaultError::NoSuchVersion => (StatusCode::NOT_FOUND, "no_such_version", NO_VERSION),
        VaultError::NoRelayPolicy => (StatusCode::NOT_FOUND, "no_relay_policy", NO_POLICY),
        VaultError::AmbiguousLabel(_) => (StatusCode::CONFLICT, "ambiguous_label", AMBIGUOUS),
        VaultError::StillRead(_) => (StatusCode::CONFLICT, "still_read", STILL_READ),
        VaultError::PreconditionFailed => (
            StatusCode::PRECONDITION_FAILED,
            "precondition_failed",
            OTHER_VERSION,
        ),
        VaultError::ReusedIdempotencyKey => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "reused_idempotency_key",
            REUSED_KEY,
        ),
        VaultError::Integrity(_) => (DEFECT, "integrity_failure", NOT_OPENED),
        VaultError::Unavailable(_)
        | VaultError::ReplicationTimeout { .. }
        | VaultError::Stale(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "the service cannot answer now; nothing was changed; try again",
        ),
        VaultError::OutcomeUnknown(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "outcome_unknown",
            "the answer of the database did not arrive in time; \
             a change may or may not have been made",
        ),
        VaultError::Internal(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "an internal error; the log has more under this request's id",
        ),
    };
    (status, code, message.to_owned())
}

fn relay_status(error: &RelayError) -> StatusCode {
    match error {
        RelayError::Path(_) | RelayError::Header(_) | RelayError::Incomplete => {
            StatusCode::BAD_REQUEST
        }
        RelayError::NotConfigured | RelayError::NotAllowed(_) | RelayError::AddressRefused => {
            StatusCode::FORBIDDEN
        }
        RelayError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        RelayError::Unusable(_) | RelayError::Unminted(_) => StatusCode::UNPROCESSABLE_ENTITY,
        RelayError::Unreachable(_)
        | RelayError::Tls(_)
        | RelayError::Protocol(_)
        | RelayError::TokenExchange(_)
        | RelayError::Unscrubbable(_) => StatusCode::BAD_GATEWAY,
        RelayError::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
        RelayError::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
    }
}
