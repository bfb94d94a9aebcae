//! Responses that several operations share.

use strongroom_domain::permission::Permission;
use strongroom_domain::replication::OperationId;
use strongroom_domain::{Conflict, Denial, FieldError, VaultError};
use strongroom_web::body;
use strongroom_web::settings::RequestSizes;
use utoipa::openapi::ResponseBuilder;

use crate::error::ApiError;
use crate::openapi::failure::{failure, vault_failure};
use crate::openapi::headers;
use crate::openapi::limits::{BODY as BODY_TOO_LARGE, too_many};

/// Declares types that represent responses in annotations.
macro_rules! responses {
    ($($(#[$doc:meta])* $name:ident => [$($status:literal $response:expr),+ $(,)?];)+) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name;
            impl utoipa::IntoResponses for $name {
                fn responses() -> std::collections::BTreeMap<
                    String,
                    utoipa::openapi::RefOr<utoipa::openapi::Response>,
                > {
                    [$((
                        $status.to_string(),
                        utoipa::openapi::RefOr::T($crate::openapi::failure::named(
                            concat!(stringify!($name), $status),
                            $response.build(),
                        )),
                    )),+].into()
                }
            }
        )+
    };
}
pub(crate) use responses;

/// The description of a 415.
pub(super) const NOT_JSON: &str = "The content type is not `application/json`, its charset is not \
                                   UTF-8, or there is a `Content-Encoding` other than `identity`.";

const HEADERS: &[&str] = &[
    "required",
    "invalid_value",
    "unknown_parameter",
    "more_errors",
];
const QUERY: &[&str] = &[
    "required",
    "invalid_value",
    "unknown_parameter",
    "out_of_range",
    "conflict",
    "duplicate",
    "more_errors",
];
const BODY: &[&str] = &[
    "required",
    "invalid_value",
    "unknown_parameter",
    "unknown_field",
    "wrong_type",
    "empty",
    "out_of_range",
    "too_large",
    "too_long",
    "control_character",
    "conflict",
    "past",
    "immutable",
    "malformed_json",
    "duplicate_member",
    "too_deep",
    "incomplete_body",
    "body_timeout",
    "more_errors",
];

const POLICY: &[&str] = &[
    "required",
    "invalid_value",
    "invalid_length",
    "unknown_parameter",
    "unknown_member",
    "wrong_type",
    "out_of_range",
    "duplicate",
    "malformed_json",
    "duplicate_member",
    "too_deep",
    "incomplete_body",
    "body_timeout",
    "more_errors",
];

/// The codes of conflicts besides that of the example.
const CONFLICTS: [&str; 4] = [
    "parent_deleted",
    "root_organization",
    "rotation_running",
    "too_deep",
];

responses! {
    /// There is no valid key, or it lacks the permission; and failures of any step.
    Refused => [
        401 unauthorized(),
        429 too_many(),
        403 vault_failure(
            "The API key lacks the permission, or would grant or reach more than it may. An access \
             token or client that lacks the permission gets `insufficient_scope`, and the scope in \
             `WWW-Authenticate`.",
            &["insufficient_scope"],
            &VaultError::Forbidden(Denial::Permission(Permission::CredentialsWrite)),
        ),
        500 vault_failure(
            "A defect. The log has the details.",
            &["integrity_failure"],
            &VaultError::Internal(String::new()),
        ),
    ];
    /// The headers are wrong.
    HeadersInvalid => [400 invalid(
        HEADERS,
        ("SlashID-OrgID", "required", "is required: the organization's UUID"),
    )];
    /// A header, the path or the query is wrong.
    QueryInvalid => [400 invalid(QUERY, ("limit", "out_of_range", "must be from 1 to 1000"))];
    /// A header, the path or the body is wrong.
    BodyInvalid => [400 invalid(BODY, ("extcred_provider", "required", "is required"))];
    /// The body is refused before its content is read.
    BodyRefused => [
        413 failure(BODY_TOO_LARGE, &[], &body::too_large(RequestSizes::default().body).into()),
        415 failure(NOT_JSON, &[], &body::unsupported(body::NOT_JSON).into()),
    ];
    /// A region did not have the write in time.
    RegionsLate => [408 late()];
    /// A read could not use its database, or that database is too far behind.
    Unread => [503 unavailable(&["stale_region", "outcome_unknown"])
        .header("SlashID-Replica-Lag", headers::replica_lag())];
    /// A write was not done, or its outcome is unknown.
    Unwritten => [503 unavailable(&["outcome_unknown"])];
    /// The database is unreachable.
    Unavailable => [503 unavailable(&[])];
    /// The credential is of another version than the request names.
    OtherVersion => [412 vault_failure(
        "The credential is of no version in `If-Match`. A deletion answers this also if there is \
         none. Nothing was changed.",
        &[],
        &VaultError::PreconditionFailed,
    )];
    /// There is no such credential.
    NoSuchCredential => [404 vault_failure(
        "The organization has no such credential. The response for another organization's \
         credential is the same.",
        &[],
        &VaultError::NotFound,
    )];
    /// A header, the path or the policy is wrong.
    PolicyInvalid => [400 invalid(
        POLICY,
        ("hosts", "not_allowed", "must be exact names, without *"),
    )];
    /// There is no such credential, or it has no relay policy.
    NoSuchPolicy => [404 vault_failure(
        "The organization has no such credential, or that has no relay policy.",
        &["no_relay_policy"],
        &VaultError::NotFound,
    )];
    /// There is no such credential, or it has no such value.
    NoSuchValue => [404 vault_failure(
        "The organization has no such credential, or it has no such value.",
        &["no_such_version"],
        &VaultError::NotFound,
    )];
    /// The state of the credential does not allow this.
    CredentialConflicts => [409 vault_failure(
        "The state of the credential does not allow this; nothing was changed.",
        &["history_off", "current_version", "user_taken", "still_read"],
        &VaultError::Conflict(Conflict::PendingExists),
    )];
    /// Several credentials have the label.
    Ambiguous => [409 vault_failure(
        "Several credentials have this label. `credentials` has their ids.",
        &[],
        &VaultError::AmbiguousLabel(Vec::new()),
    )];
    /// The request names no version.
    Unconditional => [428 failure(
        "`If-Match` is required.",
        &[],
        &ApiError::unconditional(),
    )];
    /// There is no such object.
    NoSuchObject => [404 failure(
        "The organization has no such object.",
        &[],
        &ApiError::no_such("the organization has no such API key"),
    )];
    /// The state of the organization does not allow this.
    Conflicts => [409 vault_failure(
        "The state of the organization does not allow this; nothing was changed.",
        &CONFLICTS,
        &VaultError::Conflict(Conflict::HasSuborganizations),
    )];
    /// The name was used before.
    ReusedKey => [422 vault_failure(
        "`Idempotency-Key` was used for another body in the last 24 hours.",
        &[],
        &VaultError::ReusedIdempotencyKey,
    )];
}

pub(super) fn unauthorized() -> ResponseBuilder {
    let description = "There is no valid API key of the organization that `SlashID-OrgID` names: \
                       the key is missing, malformed, unknown, expired, revoked, another \
                       organization's, or sent twice. The same applies to an access token or \
                       client in `Authorization`, and to two of these in one request.";
    let response = vault_failure(description, &[], &VaultError::Unauthorized);
    response.header("WWW-Authenticate", headers::challenge())
}

pub(super) fn unavailable(more: &[&str]) -> ResponseBuilder {
    let description = "The service cannot answer now. With `outcome_unknown`, the request may or \
                       may not have been executed; with any other code it was not.";
    let response = vault_failure(description, more, &VaultError::Unavailable(String::new()));
    response.header("Retry-After", headers::retry_after())
}

fn late() -> ResponseBuilder {
    let description = "The write is committed and continues to replicate, but `regions` did not \
                       have it in time. Do not repeat a POST without `Idempotency-Key`: it would \
                       create another credential.";
    let operation = OperationId(uuid::uuid!("019aa8f2-6b3c-8d21-a7c4-52f0e1b7c9d3"));
    let example = ApiError::replication_timeouts(operation, vec!["us".to_owned()]);
    let response = failure(description, &[], &example);
    response.header("SlashID-Operation-ID", headers::operation())
}

fn invalid(codes: &[&str], (field, code, message): (&str, &'static str, &str)) -> ResponseBuilder {
    let example = ApiError::invalid(vec![FieldError::new(field, code, message)]);
    let description = "A header, the path, the query or the body is wrong; nothing was changed. \
                       The response lists all errors.";
    failure(description, codes, &example)
}
