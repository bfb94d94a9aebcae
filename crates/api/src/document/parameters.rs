//! Parameters that several operations take.

use strongroom_domain::idempotency;
use strongroom_domain::idempotency::MAX_LEN;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, RefOr, Required, Schema};

use super::schemas::{one_of, text, uuid, whole};
use crate::authorized::ORG_HEADER;
use crate::consistency::{LEVEL, LEVELS, LONGEST_SECONDS, TIMEOUT};

/// The header that every request may have.
pub(super) const REQUEST_ID: &str = "X-Request-ID";

/// Declares types that stand for parameters in annotations.
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
    Organization => [required_header(ORG_HEADER, uuid(), "The organization, whose the API key must be.")];
    /// How far a write must travel before it is answered.
    Consistency => [
        header(LEVEL, one_of(LEVELS).default(Some(LEVELS[0].into())), "Which regions must have the write."),
        header(TIMEOUT, timeout(), "How many seconds after the request's begin they must have it."),
    ];
    /// The header that names a request, so that it can be repeated.
    Idempotency => [header(
        idempotency::HEADER,
        text().min_length(Some(1)).max_length(Some(MAX_LEN)).pattern(Some("^[!-~]+$")),
        "A name for this request, made up by the caller. For 24 hours the same name with the same body makes \
         nothing new.",
    )];
    /// A credential's id, as the path has it.
    CredentialInPath => [in_path("cred_id", uuid(), "The credential.")];
}

fn timeout() -> ObjectBuilder {
    whole(1, LONGEST_SECONDS).default(Some(30.into()))
}

/// A header that need not be sent.
fn header(name: &str, schema: impl Into<RefOr<Schema>>, description: &str) -> Parameter {
    parameter(ParameterIn::Header, name, schema, description).build()
}

fn required_header(name: &str, schema: impl Into<RefOr<Schema>>, description: &str) -> Parameter {
    let parameter = parameter(ParameterIn::Header, name, schema, description);
    parameter.required(Required::True).build()
}

/// A parameter of the query. None is required.
pub(crate) fn query(name: &str, schema: impl Into<RefOr<Schema>>, description: &str) -> Parameter {
    parameter(ParameterIn::Query, name, schema, description).build()
}

/// A part of the path.
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

/// What every operation takes.
pub(super) fn request_id() -> Parameter {
    let description = "Comes back with the answer when it has at most 128 letters, digits or `-_.:/=+@`; any other \
                       is replaced.";
    header(REQUEST_ID, text(), description)
}
