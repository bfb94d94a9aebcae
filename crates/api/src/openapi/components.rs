//! Schemas with a name, which the document has once. Without names, generators of clients would
//! make a type for each place.

use std::collections::BTreeMap;

use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems};
use utoipa::openapi::{Content, Ref, RefOr, Schema};

/// Where a schema holds its name until it is moved to the components.
const NAME: &str = "x-component";

/// The schemas that have been moved, by name.
pub(super) type Found = BTreeMap<String, RefOr<Schema>>;

/// Gives the schema of an object or a string a name.
pub(crate) fn named(name: &str, schema: impl Into<RefOr<Schema>>) -> RefOr<Schema> {
    let mut schema = schema.into();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        let extensions = object.extensions.get_or_insert_default();
        extensions.insert(NAME.to_owned(), name.into());
    }
    schema
}

/// Moves the named schemas of an operation to `found`.
pub(super) fn move_named(operation: &mut Operation, found: &mut Found) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            parameter
                .schema
                .iter_mut()
                .for_each(|one| move_from(one, found));
        }
    }
    if let Some(RefOr::T(request)) = &mut operation.request_body {
        request
            .content
            .values_mut()
            .for_each(|one| move_from_content(one, found));
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            response
                .content
                .values_mut()
                .for_each(|one| move_from_content(one, found));
        }
    }
}

fn move_from_content(content: &mut RefOr<Content>, found: &mut Found) {
    if let RefOr::T(content) = content {
        content
            .schema
            .iter_mut()
            .for_each(|one| move_from(one, found));
    }
}

/// Moves `schema` to `found` if it has a name, and the named schemas in it.
pub(super) fn move_from(schema: &mut RefOr<Schema>, found: &mut Found) {
    let RefOr::T(inner) = schema else {
        return;
    };
    match inner {
        Schema::Object(object) => {
            object
                .properties
                .values_mut()
                .for_each(|one| move_from(one, found));
            if let Some(AdditionalProperties::RefOr(other)) =
                object.additional_properties.as_deref_mut()
            {
                move_from(other, found);
            }
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                move_from(items, found);
            }
        }
        Schema::OneOf(any) => any.items.iter_mut().for_each(|one| move_from(one, found)),
        Schema::AllOf(all) => all.items.iter_mut().for_each(|one| move_from(one, found)),
        Schema::AnyOf(any) => any.items.iter_mut().for_each(|one| move_from(one, found)),
        _ => {}
    }
    if let Some(name) = take_name(inner) {
        let reference = RefOr::Ref(Ref::from_schema_name(&name));
        let whole = std::mem::replace(schema, reference);
        found.insert(name, whole);
    }
}

fn take_name(schema: &mut Schema) -> Option<String> {
    let Schema::Object(object) = schema else {
        return None;
    };
    let name = object.extensions.as_mut()?.remove(NAME)?;
    object.extensions.take_if(|left| left.is_empty());
    name.as_str().map(str::to_owned)
}
