//! Parameters that several operations share.

use strongroom_domain::idempotency;
use strongroom_domain::idempotency::MAX_LEN;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, RefOr, Required, Schema};

use crate::consistency::{DEFAULT_TIMEOUT_SECONDS, LEVEL_NAMES, MAX_TIMEOUT_SECONDS};
use crate::headers::{CONSISTENCY, CONSISTENCY_TIMEOUT, ORG_ID};
use crate::openapi::schemas::{one_of, text, uuid, whole};

/// The header that every request may have.
pub(super) const REQUEST_ID: &str = "X-Request-ID";

/// A UUID in its hyphenated form.
const UUID: &str = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$";

/// Declares types that represent parameters in annotations.
macro_rules! parameters {
    ($($(#[$doc:meta])* $name:ident => [$($parameter:expr),+ $(,)?];)+) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name;
            impl utoipa::IntoParams for $name {
                fn into_params(
                    _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
                ) -> Vec<utoipa::openapi::path::Parameter> {
                    vec![$($parameter),+]
                }
            }
        )+
    };
}
pub(crate) use parameters;

parameters! {
    /// The header that names the organization.
    Organization => [required_header(
        ORG_ID,
        // With the format `uuid`, generated clients in Python would send no valid header.
        text().pattern(Some(UUID)),
        "The organization of the API key: a UUID.",
    )];
    /// The consistency that a write requires.
    Consistency => [
        header(
            CONSISTENCY,
            one_of(LEVEL_NAMES).default(Some(LEVEL_NAMES[0].into())),
            "The regions that must have the write before the response.",
        ),
        header(
            CONSISTENCY_TIMEOUT,
            timeout(),
            "Seconds after the start of the request within which they must have it.",
        ),
    ];
    /// The versions to which a write applies.
    IfMatch => [header(
        "If-Match",
        condition(),
        "Entity tags of the versions to which this applies, or `*` for any. If the credential is \
         of another version, the answer is 412, and nothing is changed.",
    )];
    /// The same, for a write that must name them.
    RequiredIfMatch => [required_header(
        "If-Match",
        condition(),
        "Entity tags of the versions to which this applies, or `*` for any. If the credential is \
         of another version, the answer is 412, and nothing is changed.",
    )];
    /// The versions that the caller has.
    IfNoneMatch => [header(
        "If-None-Match",
        condition(),
        "Entity tags of versions that the caller has. If the credential is of one of them, the \
         answer is 304, without the secret.",
    )];
    /// The header that names a request, so that it can be repeated.
    Idempotency => [header(
        idempotency::HEADER,
        text().min_length(Some(1)).max_length(Some(MAX_LEN)).pattern(Some("^[!-~]+$")),
        "A name for this request, chosen by the caller. For 24 hours, a request with the same name \
         and the same body creates nothing new.",
    )];
    /// Where a relay sends the request.
    RelayTarget => [
        in_path("host", text(), "A host of the policy, with its port if that is not the first; \
                                 `-` for the policy's only host."),
        in_path("path", text(), "The path at the upstream, which may contain slashes."),
    ];
    /// The credential's id in the path.
    CredentialInPath => [in_path("cred_id", uuid(), "The credential.")];
}

// RFC 9110, section 8.8.3, without bytes outside ASCII.
fn condition() -> ObjectBuilder {
    let tags = r#"^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$"#;
    text().pattern(Some(tags))
}

fn timeout() -> ObjectBuilder {
    whole(1, MAX_TIMEOUT_SECONDS).default(Some(DEFAULT_TIMEOUT_SECONDS.into()))
}

/// An optional header.
fn header(name: &str, schema: impl Into<RefOr<Schema>>, description: &str) -> Parameter {
    parameter(ParameterIn::Header, name, schema, description).build()
}

fn required_header(name: &str, schema: impl Into<RefOr<Schema>>, description: &str) -> Parameter {
    let parameter = parameter(ParameterIn::Header, name, schema, description);
    parameter.required(Required::True).build()
}

/// An optional parameter of the query.
pub(crate) fn query(name: &str, schema: impl Into<RefOr<Schema>>, description: &str) -> Parameter {
    parameter(ParameterIn::Query, name, schema, description).build()
}

/// A segment of the path.
pub(crate) fn in_path(
    name: &str,
    schema: impl Into<RefOr<Schema>>,
    description: &str,
) -> Parameter {
    let parameter = parameter(ParameterIn::Path, name, schema, description);
    parameter.required(Required::True).build()
}

fn parameter(
    place: ParameterIn,
    name: &str,
    schema: impl Into<RefOr<Schema>>,
    description: &str,
) -> ParameterBuilder {
    ParameterBuilder::new()
        .parameter_in(place)
        .name(name)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
}

/// The parameter of every operation.
pub(super) fn request_id() -> Parameter {
    let description = "Returned in the response if it consists of at most 128 letters, digits and \
                       `-_.:/=+@`. Any other value is replaced.";
    header(REQUEST_ID, text(), description)
}
