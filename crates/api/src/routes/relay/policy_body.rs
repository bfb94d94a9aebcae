//! A relay policy on the wire.

use strongroom_domain::PolicyInfo;
use strongroom_domain::audit::stored::format_time;
use strongroom_domain::relay::injection::MINTED;
use strongroom_domain::relay::policy::ScrubMode;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, OneOfBuilder, RefOr, Schema, Type};

use crate::openapi::components::named;
use crate::openapi::schemas::{
    closed, object, one_of, optional, required, schemas, success, text, time, whole,
};

schemas! {
    /// A policy as a caller sends it.
    SentPolicy => named("RelayPolicy", policy());
    /// A policy with its version.
    StoredPolicy => success("RelayPolicyResult", object([
        ("policy", required(named("RelayPolicy", policy()))),
        ("version", required(whole(1, i64::MAX))),
        ("updated_at", required(time())),
    ]));
}

/// The result of a request for a policy.
pub(super) fn result(info: &PolicyInfo) -> serde_json::Value {
    serde_json::json!({
        "policy": info.policy.to_json(),
        "version": info.version,
        "updated_at": format_time(info.updated_at),
    })
}

fn policy() -> ObjectBuilder {
    let scrub = one_of(ScrubMode::ALL.iter().map(|one| one.as_str()));
    closed(object([
        (
            "hosts",
            optional(texts("Exact DNS names, without addresses and `*`.")),
        ),
        (
            "ports",
            optional(
                ArrayBuilder::new()
                    .items(whole(1, 65_535))
                    .min_items(Some(1)),
            ),
        ),
        ("rules", optional(some(rule()))),
        ("inject", optional(some(place()))),
        ("scopes", optional(texts("Scopes of the minted token."))),
        ("token_url", optional(text())),
        ("keys", optional(keys())),
        ("scrub", optional(scrub)),
        (
            "tokens",
            optional(ObjectBuilder::new().schema_type(SchemaType::new(Type::Boolean))),
        ),
        ("limits", optional(limits())),
    ]))
}

fn rule() -> ObjectBuilder {
    closed(object([
        (
            "methods",
            optional(texts("In capital letters; absent: all.")),
        ),
        (
            "paths",
            optional(texts("A path, or its beginning before `*`; absent: all.")),
        ),
    ]))
}

fn place() -> ObjectBuilder {
    let from = format!("A member of the credential, or `{MINTED}`.");
    let basic = closed(object([
        ("username", required(text())),
        ("password", optional(text())),
    ]));
    closed(object([
        ("header", optional(text())),
        ("prefix", optional(text())),
        ("query", optional(text())),
        ("basic", optional(basic)),
        ("from", optional(text().description(Some(from)))),
    ]))
}

fn keys() -> RefOr<Schema> {
    let listed = texts("Ids of API keys, and `client_id`s of OAuth 2.0 clients.");
    let keys = OneOfBuilder::new().item(one_of(["any"])).item(listed);
    RefOr::T(Schema::OneOf(keys.build()))
}

fn limits() -> ObjectBuilder {
    let bytes = || whole(0, 1 << 30);
    let seconds = || whole(1, 3600);
    closed(object([
        ("request_bytes", optional(bytes())),
        ("answer_bytes", optional(bytes())),
        ("head_seconds", optional(seconds())),
        ("idle_seconds", optional(seconds())),
        ("total_seconds", optional(seconds())),
    ]))
}

fn texts(about: &str) -> ArrayBuilder {
    some(text()).description(Some(about))
}

fn some(item: ObjectBuilder) -> ArrayBuilder {
    ArrayBuilder::new().items(item).min_items(Some(1))
}
