//! Responses of relays.

use strongroom_domain::VaultError;
use strongroom_domain::relay::error::RelayError;
use strongroom_domain::relay::policy::RelayLimits;
use utoipa::openapi::ResponseBuilder;

use crate::openapi::failure::vault_failure;
use crate::openapi::limits::too_many;
use crate::openapi::responses::{responses, unauthorized, unavailable};

responses! {
    /// A header, the path or the query of a request to a relay is wrong; or it cannot be sent.
    RelayInvalid => [
        400 relay_failure(
            "The path, the query or a header cannot be sent on, or the body ended early.",
            &["relay_header", "incomplete_body", "required", "invalid_value"],
            RelayError::Path("the path has a dot segment"),
        ),
        413 relay_failure(
            "The body is larger than the policy allows.",
            &[],
            RelayError::TooLarge(RelayLimits::default().request_bytes),
        ),
    ];
    /// The credential is not what its policy takes it for.
    RelayUnusable => [
        422 relay_failure(
            "The credential cannot be put into a request, or no token can be minted with it.",
            &[],
            RelayError::Unusable("the credential is shorter than 8 bytes"),
        ),
    ];
    /// There is no valid key, or it or the policy does not allow the request; and failures of any
    /// step.
    RelayRefused => [
        401 unauthorized(),
        429 too_many(),
        403 vault_failure(
            "The API key lacks the permission; the credential has no relay policy, or one that \
             does not allow the request; or the host has an address that requests may not go to.",
            &["insufficient_scope", "relay_not_allowed", "address_refused", "forbidden"],
            &RelayError::NotConfigured.into(),
        ),
        500 vault_failure(
            "A defect. The log has the details.",
            &["integrity_failure"],
            &VaultError::Internal(String::new()),
        ),
    ];
    /// The upstream failed.
    RelayFailed => [
        502 relay_failure(
            "The upstream cannot be reached, is not what its certificate must say, or answers \
             what cannot be passed on.",
            &["upstream_tls", "upstream_protocol", "unscrubbable", "token_exchange_failed"],
            RelayError::Unreachable("api.example.com does not resolve".into()),
        ),
        504 relay_failure(
            "The upstream took too long.",
            &[],
            RelayError::Timeout("the head of the answer"),
        ),
    ];
    /// A use could not be recorded, so that nothing was sent; or too many are in flight.
    RelayUnwritten => [503 unavailable(&["outcome_unknown", "relay_busy", "stale_region"])];
}

fn relay_failure(about: &str, others: &[&str], error: RelayError) -> ResponseBuilder {
    vault_failure(about, others, &error.into())
}
