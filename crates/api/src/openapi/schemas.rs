//! Schemas of values on the wire. Limits and names come from the code that enforces them.

use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::label::MAX_LABEL_CHARS;
use utoipa::openapi::schema::{AdditionalProperties, SchemaFormat, SchemaType};
use utoipa::openapi::{
    ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, RefOr, Schema, Type,
};

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
pub(crate) fn provider() -> ObjectBuilder {
    one_of(Provider::ALL.iter().map(|one| one.as_str()))
}

/// The name of a credential type.
pub(crate) fn credential_type() -> ObjectBuilder {
    one_of(CredentialType::ALL.iter().map(|one| one.as_str()))
}

/// `kind` or null.
pub(crate) fn nullable(kind: Type) -> SchemaType {
    [kind, Type::Null].into_iter().collect()
}

/// An object with any members.
pub(crate) fn any_object() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object)
}

/// A label.
pub(crate) fn label() -> ObjectBuilder {
    plain_text().max_length(Some(MAX_LABEL_CHARS))
}

/// `object` without further members.
pub(crate) fn closed(object: ObjectBuilder) -> ObjectBuilder {
    object.additional_properties(Some(AdditionalProperties::FreeForm(false)))
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

/// The envelope of a successful response with `result`.
pub(crate) fn success(result: impl Into<RefOr<Schema>>) -> ObjectBuilder {
    envelope(any_object(), result)
}

/// The envelope of a page of `item`s by cursor.
pub(crate) fn cursor_page(item: impl Into<RefOr<Schema>>) -> ObjectBuilder {
    let meta = object([("cursor_pagination", required(cursor_pagination()))]);
    envelope(meta, ArrayBuilder::new().items(item.into()))
}

/// The envelope of a page of `item`s, by cursor or by offset.
pub(crate) fn page(item: impl Into<RefOr<Schema>>) -> ObjectBuilder {
    let pagination = object([
        ("limit", required(whole(1, MAX_LIMIT))),
        ("offset", required(whole(0, i64::MAX))),
        ("total_count", required(whole(0, i64::MAX))),
    ]);
    let meta = OneOfBuilder::new()
        .item(object([("pagination", required(pagination))]))
        .item(object([(
            "cursor_pagination",
            required(cursor_pagination()),
        )]));
    envelope(meta, ArrayBuilder::new().items(item.into()))
}

fn cursor_pagination() -> ObjectBuilder {
    let next = "The position of the next page; empty on the last one.";
    object([
        ("limit", required(whole(1, MAX_LIMIT))),
        ("cursor", required(text().description(Some(next)))),
    ])
}

fn envelope(meta: impl Into<RefOr<Schema>>, result: impl Into<RefOr<Schema>>) -> ObjectBuilder {
    let none = ArrayBuilder::new().items(any_object()).max_items(Some(0));
    object([
        ("meta", required(meta)),
        ("errors", required(none)),
        ("result", required(result)),
    ])
}

/// A UUID, or null.
pub(crate) fn uuid_or_null() -> ObjectBuilder {
    uuid().schema_type(nullable(Type::String))
}

/// A time, or null.
pub(crate) fn time_or_null() -> ObjectBuilder {
    time().schema_type(nullable(Type::String))
}
