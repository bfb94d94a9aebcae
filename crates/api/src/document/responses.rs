//! Answers that several operations give. Their examples are made by the code that makes the answers.

use actix_web::http::StatusCode;
use strongroom_domain::replication::OperationId;
use strongroom_domain::{FieldError, VaultError};
use utoipa::openapi::{
    ArrayBuilder, ContentBuilder, Header, HeaderBuilder, ObjectBuilder, Response, ResponseBuilder,
};

use super::limits::too_many;
use super::schemas::{any_object, object, one_of, optional, required, schemas, text, uuid, whole};
use crate::body;
use crate::envelope::Envelope;
use crate::error::{ApiError, public};
use crate::guard::RequestSizes;
use utoipa::PartialSchema;

/// Declares types that stand for answers in annotations.
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
                    [$(($status.to_string(), utoipa::openapi::RefOr::T($crate::document::named(
                        concat!(stringify!($name), $status),
                        $response.build(),
                    )))),+].into()
                }
            }
        )+
    };
}
pub(crate) use responses;

/// Where a response bears its name until it has moved to the components.
const NAME: &str = "x-component";

/// `response` under a name, so that operations share it.
pub(crate) fn named(name: &str, mut response: Response) -> Response {
    let extensions = response.extensions.get_or_insert_default();
    extensions.insert(NAME.to_owned(), name.into());
    response
}

/// The name of a response that has one.
pub(super) fn take_name(response: &mut Response) -> Option<String> {
    let name = response.extensions.as_mut()?.remove(NAME)?;
    response.extensions = None;
    name.as_str().map(str::to_owned)
}

/// What every answer has.
pub(super) fn common_headers() -> [(&'static str, Header); 3] {
    let header = |schema| HeaderBuilder::new().schema(Some(schema)).build();
    let id = text().min_length(Some(1)).max_length(Some(128));
    [
        ("X-Request-ID", header(id)),
        ("Cache-Control", header(one_of(["no-store"]))),
        ("X-Content-Type-Options", header(one_of(["nosniff"]))),
    ]
}

/// Why a body is too large.
pub(super) const TOO_LARGE: &str =
    "The body has more bytes than `max_body` allows, 65536 by default.";

const HEADERS: &[&str] = &["required", "invalid_value"];
const QUERY: &[&str] = &[
    "required",
    "invalid_value",
    "out_of_range",
    "conflict",
    "duplicate",
];
const BODY: &[&str] = &[
    "required",
    "invalid_value",
    "unknown_field",
    "wrong_type",
    "empty",
    "too_long",
    "control_character",
    "immutable",
    "malformed_json",
    "duplicate_member",
    "too_deep",
    "incomplete_body",
];

responses! {
    /// No valid key, or one whose role does not allow it; and what may befall every step behind that.
    Refused => [
        401 unauthorized(),
        429 too_many(),
        403 failed("The API key's role does not allow this.", &[], &VaultError::Forbidden),
        500 failed("A defect; the log says more.", &["integrity_failure"], &VaultError::Internal(String::new())),
    ];
    /// The headers are wrong.
    HeadersInvalid => [400 invalid(HEADERS, ("SlashID-OrgID", "required", "is required: the organization's UUID"))];
    /// A header, the path or the query is wrong.
    QueryInvalid => [400 invalid(QUERY, ("limit", "out_of_range", "must be from 1 to 1000"))];
    /// A header, the path or the body is wrong.
    BodyInvalid => [400 invalid(BODY, ("extcred_provider", "required", "is required"))];
    /// The body is not what it should be, beyond what is in it.
    BodyRefused => [
        413 failure(TOO_LARGE, &[], &body::too_large(RequestSizes::default().body)),
        415 failure(
            "The content type is not `application/json`, its charset is not UTF-8, or there is a `Content-Encoding`.",
            &[],
            &body::unsupported(body::NOT_JSON),
        ),
    ];
    /// What a write with a body waits for did not come in time.
    BodyOrRegionsLate => [408 late(&["body_timeout"])];
    /// What a write waits for did not come in time.
    RegionsLate => [408 late(&[])];
    /// A read did not reach its database, or that one is behind.
    Unread => [503 unavailable(&["stale_region", "outcome_unknown"]).header("SlashID-Replica-Lag", lag_header())];
    /// What was asked for was not done, or nobody knows.
    Unwritten => [503 unavailable(&["outcome_unknown"])];
    /// The database is away.
    Unavailable => [503 unavailable(&[])];
    /// There is no such credential.
    NoSuchCredential => [404 failed(
        "The organization has no such credential. Another organization's looks exactly like this.",
        &[],
        &VaultError::NotFound,
    )];
    /// The name was used before.
    ReusedKey => [422 failed(
        "`Idempotency-Key` was used for another body in the last 24 hours.",
        &[],
        &VaultError::ReusedIdempotencyKey,
    )];
}

/// The header that names an operation.
pub(super) fn operation_header() -> Header {
    let description = "Names the write, when regions did not have it in time: see `getOperation`.";
    HeaderBuilder::new()
        .schema(Some(uuid()))
        .description(Some(description))
        .build()
}

/// The header that tells how far a region is behind.
fn lag_header() -> Header {
    let description = "Seconds that the region's database is behind, rounded up, or `unknown`; there only when \
                       it is more than `max_replica_lag`.";
    HeaderBuilder::new()
        .schema(Some(ReplicaLag::schema()))
        .description(Some(description))
        .build()
}

/// The header that says when to try again.
pub(super) fn retry_header() -> Header {
    HeaderBuilder::new()
        .schema(Some(whole(1, 1)))
        .description(Some("Seconds after which to try again."))
        .build()
}

schemas! {
    /// What `SlashID-Replica-Lag` says.
    ReplicaLag => text().pattern(Some("^([0-9]+|unknown)$")).description(Some(
        "Seconds that the region's database is behind, rounded up; there only when that is more than \
         `max_replica_lag`.",
    ));
}

fn unauthorized() -> ResponseBuilder {
    let description = "No valid API key of the organization that `SlashID-OrgID` names: missing, malformed, unknown, \
                       expired, revoked, another organization's, or sent twice.";
    let scheme = HeaderBuilder::new().schema(Some(text())).build();
    failed(description, &[], &VaultError::Unauthorized).header("WWW-Authenticate", scheme)
}

fn unavailable(more: &[&str]) -> ResponseBuilder {
    let description = "The service cannot answer now. With `outcome_unknown` it may or may not have done what was \
                       asked, with any other code it has not.";
    let response = failed(description, more, &VaultError::Unavailable(String::new()));
    response.header("Retry-After", retry_header())
}

fn late(more: &[&str]) -> ResponseBuilder {
    let description = "`not_in_time`: the write is kept and goes on replicating, but `regions` did not have it in \
                       time. `body_timeout`: the body did not arrive in time; nothing was changed.";
    let operation = OperationId(uuid::uuid!("019aa8f2-6b3c-8d21-a7c4-52f0e1b7c9d3"));
    let example = ApiError::replication_timeouts(operation, vec!["us".to_owned()]);
    failure(description, more, &example).header("SlashID-Operation-ID", operation_header())
}

fn invalid(codes: &[&str], (field, code, message): (&str, &'static str, &str)) -> ResponseBuilder {
    let example = ApiError::invalid(vec![FieldError::new(field, code, message)]);
    let description = "A header, the path, the query or the body is wrong; nothing was changed. All that is wrong \
                       comes in one answer.";
    failure(description, codes, &example)
}

fn failed(description: &str, more: &[&str], error: &VaultError) -> ResponseBuilder {
    let (status, code, message) = public(error);
    failure(description, more, &ApiError::new(status, code, message))
}

/// A failure's envelope, whose errors have the example's code or one of `more`.
pub(crate) fn failure(description: &str, more: &[&str], example: &ApiError) -> ResponseBuilder {
    let body = serde_json::to_value(Envelope::failure(example.errors())).unwrap_or_default();
    let code = body["errors"][0]["code"].as_str().unwrap_or_default();
    let others = more.iter().copied().filter(|other| *other != code);
    let schema = failure_schema(
        example.status(),
        one_of(std::iter::once(code).chain(others)),
    );
    let content = ContentBuilder::new()
        .schema(Some(schema))
        .example(Some(body.clone()));
    ResponseBuilder::new()
        .description(description)
        .content("application/json", content.build())
}

fn failure_schema(status: StatusCode, code: ObjectBuilder) -> ObjectBuilder {
    let regions = ArrayBuilder::new().items(text());
    let httpcode = whole(i64::from(status.as_u16()), i64::from(status.as_u16()));
    let error = object([
        ("httpcode", required(httpcode)),
        (
            "message",
            required(text().description(Some("For people; it may change."))),
        ),
        ("code", required(code)),
        (
            "field",
            optional(text().description(Some("What is wrong, where it is one thing."))),
        ),
        (
            "regions",
            optional(regions.description(Some("Those that did not have the write in time."))),
        ),
    ]);
    let errors = ArrayBuilder::new().items(error).min_items(Some(1));
    object([
        ("meta", required(any_object())),
        ("errors", required(errors)),
    ])
}
