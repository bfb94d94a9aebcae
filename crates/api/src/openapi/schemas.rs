//! Schemas of values on the wire. Limits and names come from the code that enforces them.

use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::label::MAX_LABEL_CHARS;
use utoipa::openapi::schema::{AdditionalProperties, SchemaFormat, SchemaType};
use utoipa::openapi::{ArrayBuilder, KnownFormat, ObjectBuilder, RefOr, Schema, Type};

use crate::openapi::components::named;
use crate::paging::MAX_LIMIT;

/// Text without control characters (Unicode's category Cc).
const PLAIN: &str = r"^[^\u0000-\u001F\u007F-\u009F]*$";

/// Declares types that represent schemas in annotations.
macro_rules! schemas {
    ($($(#[$doc:meta])* $name:ident => $schema:expr;)+) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name;
            impl utoipa::PartialSchema for $name {
                fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                    $schema.into()
                }
            }
            impl utoipa::ToSchema for $name {}
        )+
    };
}
pub(crate) use schemas;

/// A string.
pub(crate) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A string that is one of `choices`.
pub(crate) fn one_of<'a>(choices: impl IntoIterator<Item = &'a str>) -> ObjectBuilder {
    text().enum_values(Some(choices))
}

/// A UUID in its hyphenated form.
pub(crate) fn uuid() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
}

/// A time of RFC 3339.
pub(crate) fn time() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

/// An entity tag of a credential.
pub(crate) fn entity_tag() -> ObjectBuilder {
    text().pattern(Some("^\"[A-Za-z0-9_-]{22}\"$"))
}

/// A whole number from `min` to `max`.
pub(crate) fn whole(min: i64, max: i64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(min))
        .maximum(Some(max))
}

/// Text without control characters.
pub(crate) fn plain_text() -> ObjectBuilder {
    text().pattern(Some(PLAIN))
}

/// The name of a provider.
pub(crate) fn provider() -> RefOr<Schema> {
    let names = Provider::ALL.iter().map(|one| one.as_str());
    named("Provider", one_of(names))
}

/// The name of a credential type.
pub(crate) fn credential_type() -> RefOr<Schema> {
    let names = CredentialType::ALL.iter().map(|one| one.as_str());
    named("CredentialType", one_of(names))
}

/// `kind` or null.
pub(crate) fn nullable(kind: Type) -> SchemaType {
    [kind, Type::Null].into_iter().collect()
}

fn any_object() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object)
}

/// An object with any members.
pub(crate) fn free_object() -> ObjectBuilder {
    any_object().additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

/// An object whose members all have this schema.
pub(crate) fn map_of(schema: impl Into<RefOr<Schema>>) -> ObjectBuilder {
    any_object().additional_properties(Some(schema.into()))
}

/// A label.
pub(crate) fn label() -> ObjectBuilder {
    plain_text().max_length(Some(MAX_LABEL_CHARS))
}

/// `object` without further members.
pub(crate) fn closed(object: ObjectBuilder) -> ObjectBuilder {
    object.additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

/// `form`, in which unknown parameters are ignored (RFC 6749 § 3.2).
pub(crate) fn open(form: ObjectBuilder) -> ObjectBuilder {
    form.additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

/// A member of a request or a response: its schema, and whether it is required.
pub(crate) enum Member {
    /// Always present.
    Required(RefOr<Schema>),
    /// May be absent.
    Optional(RefOr<Schema>),
}

/// A member that is always present.
pub(crate) fn required(schema: impl Into<RefOr<Schema>>) -> Member {
    Member::Required(schema.into())
}

/// A member that may be absent.
pub(crate) fn optional(schema: impl Into<RefOr<Schema>>) -> Member {
    Member::Optional(schema.into())
}

/// An object with these members. Later versions may add more.
pub(crate) fn object<const N: usize>(members: [(&str, Member); N]) -> ObjectBuilder {
    let object = any_object();
    members
        .into_iter()
        .fold(object, |object, (name, member)| match member {
            Member::Required(schema) => object.property(name, schema).required(name),
            Member::Optional(schema) => object.property(name, schema),
        })
}

/// The envelope of a successful response with `result`, under this name.
pub(crate) fn success(name: &str, result: impl Into<RefOr<Schema>>) -> RefOr<Schema> {
    let envelope = object([
        ("meta", required(meta())),
        ("errors", required(errors().description(Some("Empty.")))),
        ("result", required(result)),
    ]);
    named(name, envelope)
}

/// The envelope of a successful response with a list of `item`s, under this name.
pub(crate) fn list(name: &str, item: impl Into<RefOr<Schema>>) -> RefOr<Schema> {
    success(name, ArrayBuilder::new().items(item.into()))
}

/// The envelope of a failure.
pub(super) fn failure() -> RefOr<Schema> {
    let envelope = object([("meta", required(meta())), ("errors", required(errors()))]);
    named("Failure", envelope)
}

/// The body of a failure of a token endpoint: RFC 6749's members, and the envelope.
pub(crate) fn token_failure() -> RefOr<Schema> {
    let description = text().description(Some("For people; it may change."));
    let body = object([
        (
            "error",
            required(text().description(Some("As in RFC 6749 § 5.2."))),
        ),
        ("error_description", required(description)),
        ("meta", required(meta())),
        ("errors", required(errors())),
    ]);
    named("TokenFailure", body)
}

fn meta() -> RefOr<Schema> {
    let offset = object([
        ("limit", required(whole(1, MAX_LIMIT))),
        ("offset", required(whole(0, i64::MAX))),
        ("total_count", required(whole(0, i64::MAX))),
    ]);
    let next = "The position of the next page; empty on the last one.";
    let cursor = object([
        ("limit", required(whole(1, MAX_LIMIT))),
        ("cursor", required(text().description(Some(next)))),
    ]);
    let about = "Of a list, `pagination` to a caller who pages by `offset`, and \
                 `cursor_pagination` to one who pages by `cursor`; else empty.";
    let meta = object([
        ("pagination", optional(named("Pagination", offset))),
        (
            "cursor_pagination",
            optional(named("CursorPagination", cursor)),
        ),
    ]);
    named("Meta", meta.description(Some(about)))
}

fn errors() -> ArrayBuilder {
    let message = text().description(Some("For people; it may change."));
    let field = text().description(Some("The field that is wrong, if it is one."));
    let regions = ArrayBuilder::new()
        .items(text())
        .description(Some("The regions that did not have the write in time."));
    let credentials = ArrayBuilder::new()
        .items(uuid())
        .description(Some("Credentials with an ambiguous label, at most 20."));
    let readers = ArrayBuilder::new()
        .items(text())
        .description(Some("Readers that have not read the current value."));
    let error = object([
        ("httpcode", required(whole(400, 599))),
        ("message", required(message)),
        (
            "code",
            required(text().description(Some("Machine-readable kind."))),
        ),
        ("field", optional(field)),
        ("regions", optional(regions)),
        ("credentials", optional(credentials)),
        ("readers", optional(readers)),
    ]);
    ArrayBuilder::new().items(named("Error", error))
}

/// A UUID, or null.
pub(crate) fn uuid_or_null() -> ObjectBuilder {
    uuid().schema_type(nullable(Type::String))
}

/// A time, or null.
pub(crate) fn time_or_null() -> ObjectBuilder {
    time().schema_type(nullable(Type::String))
}
