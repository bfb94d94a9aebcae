//! Schemas: what values look like on the wire. Limits and names come from the code that enforces them.

use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::label::MAX_LABEL_CHARS;
use utoipa::openapi::schema::{AdditionalProperties, SchemaFormat, SchemaType};
use utoipa::openapi::{
    ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, RefOr, Schema, Type,
};

use crate::query::MAX_LIMIT;

/// Text without control characters (Unicode's category Cc).
const PLAIN: &str = r"^[^\u0000-\u001F\u007F-\u009F]*$";

/// Declares types that stand for schemas in annotations.
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

/// A time as in RFC 3339.
pub(crate) fn time() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

/// A whole number from `least` to `most`.
pub(crate) fn whole(least: i64, most: i64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(least))
        .maximum(Some(most))
}

/// Text without control characters.
pub(crate) fn plain_text() -> ObjectBuilder {
    text().pattern(Some(PLAIN))
}

/// A provider's name.
pub(crate) fn provider() -> ObjectBuilder {
    one_of(Provider::ALL.iter().map(|one| one.as_str()))
}

/// A type's name.
pub(crate) fn credential_type() -> ObjectBuilder {
    one_of(CredentialType::ALL.iter().map(|one| one.as_str()))
}

/// `kind` or null.
pub(crate) fn nullable(kind: Type) -> SchemaType {
    [kind, Type::Null].into_iter().collect()
}

/// An object with anything in it.
pub(crate) fn any_object() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object)
}

/// A label.
pub(crate) fn label() -> ObjectBuilder {
    plain_text().max_length(Some(MAX_LABEL_CHARS))
}

/// `object` without any other member.
pub(crate) fn closed(object: ObjectBuilder) -> ObjectBuilder {
    object.additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

/// A member of a request or an answer: its schema, and whether it must be there.
pub(crate) enum Member {
    /// Always there.
    Required(RefOr<Schema>),
    /// May be left out.
    Optional(RefOr<Schema>),
}

/// `schema`, always there.
pub(crate) fn required(schema: impl Into<RefOr<Schema>>) -> Member {
    Member::Required(schema.into())
}

/// `schema`, which may be left out.
pub(crate) fn optional(schema: impl Into<RefOr<Schema>>) -> Member {
    Member::Optional(schema.into())
}

/// An object with these members; more may come with later versions.
pub(crate) fn object<const N: usize>(members: [(&str, Member); N]) -> ObjectBuilder {
    let object = any_object();
    members
        .into_iter()
        .fold(object, |object, (name, member)| match member {
            Member::Required(schema) => object.property(name, schema).required(name),
            Member::Optional(schema) => object.property(name, schema),
        })
}

/// A success's envelope around `result`.
pub(crate) fn success(result: impl Into<RefOr<Schema>>) -> ObjectBuilder {
    envelope(any_object(), result)
}

/// The envelope around a page of `item`s. A page by cursor has `cursor_pagination`.
pub(crate) fn cursor_page(item: impl Into<RefOr<Schema>>) -> ObjectBuilder {
    let meta = object([("cursor_pagination", required(cursor_pagination()))]);
    envelope(meta, ArrayBuilder::new().items(item.into()))
}

/// The envelope around a page of `item`s. A page by cursor has `cursor_pagination`, any other `pagination`.
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
    let next = "Where the next page starts; empty on the last one.";
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
