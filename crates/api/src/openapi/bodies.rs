//! Request bodies, as strict as the service is, and the Pieces API's response.

use strongroom_domain::blob;
use strongroom_domain::blob::GOOGLE_TYPE;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::pieces::{MAX_USER_CHARS, SEMANTICS};
use utoipa::openapi::schema::{AdditionalProperties, AnyOfBuilder};
use utoipa::openapi::{AllOfBuilder, Object, ObjectBuilder, OneOfBuilder, RefOr, Schema, Type};

use crate::openapi::schemas::{
    any_object, closed, credential_type, label, nullable, object, one_of, optional, plain_text,
    provider, required, schemas, text, uuid,
};

schemas! {
    /// Creates a credential.
    NewCredential => new_credential();
    /// Changes a credential.
    CredentialChange => credential_change();
    /// Creates a user's key.
    NewUserKey => pieces_request(open_ai(true));
    /// Updates a user's key.
    UserKeyChange => pieces_request(open_ai(false));
    /// Deletes a user's key.
    UserKeyDeletion => pieces_request(ObjectBuilder::new().schema_type(nullable(Type::Boolean)));
    /// The user's stored key.
    KeptUserKey => kept_user_key();
}

// One alternative for each type, and one for each provider whose credentials need more members.
fn new_credential() -> OneOfBuilder {
    let text = "`json_blob` must contain the members that its type and provider require, as \
                non-empty strings. A member may also be spelled in camel case (`apiKey`), and \
                further members are allowed. With the server's setting `blob_validation = \
                \"object\"`, any object that is not empty is accepted. JSON with a duplicate \
                member, a lone surrogate or more than 32 levels is refused.";
    let mut body = OneOfBuilder::new().description(Some(text));
    for kind in CredentialType::ALL {
        let usual = blob::required(Provider::Generic, *kind);
        let (others, special): (Vec<&Provider>, Vec<&Provider>) = Provider::ALL
            .iter()
            .partition(|one| blob::required(**one, *kind) == usual);
        for providers in [others, special] {
            if let Some(first) = providers.first() {
                let names = one_of(providers.iter().map(|one| one.as_str()));
                body = body.item(credential_of(names, *kind, **first));
            }
        }
    }
    body
}

fn credential_of(names: ObjectBuilder, kind: CredentialType, example: Provider) -> ObjectBuilder {
    closed(object([
        ("extcred_provider", required(names)),
        ("extcred_type", required(one_of([kind.as_str()]))),
        ("extcred_label", optional(label())),
        ("json_blob", required(json_blob(example, kind))),
    ]))
}

fn json_blob(provider: Provider, kind: CredentialType) -> RefOr<Schema> {
    let names = blob::required(provider, kind);
    if names.is_empty() {
        return any_object().min_properties(Some(1)).into();
    }
    let all = AllOfBuilder::new().item(any_object());
    let all = names.iter().fold(all, |all, name| {
        let value = match (provider, *name) {
            (Provider::Google, "type") => one_of([GOOGLE_TYPE]),
            _ => text().min_length(Some(1)),
        };
        all.item(either_spelling(name, &value.build()))
    });
    Schema::AllOf(all.build()).into()
}

fn either_spelling(name: &str, value: &Object) -> RefOr<Schema> {
    let spelled = |name: &str| object([(name, required(value.clone()))]);
    let camel = blob::camel_case(name);
    if camel == name {
        return spelled(name).into();
    }
    let either = AnyOfBuilder::new()
        .item(spelled(name))
        .item(spelled(&camel));
    Schema::AnyOf(either.build()).into()
}

fn credential_change() -> AnyOfBuilder {
    let text = "`extcred_label`, `json_blob` or both. `json_blob` must be valid for the stored \
                type. The other members are accepted if they equal the stored values.";
    let with = |needed: &str| {
        closed(object([
            ("extcred_label", optional(label())),
            ("json_blob", optional(any_object().min_properties(Some(1)))),
            ("external_cred_id", optional(uuid())),
            ("organization_id", optional(uuid())),
            ("extcred_provider", optional(provider())),
            ("extcred_type", optional(credential_type())),
        ]))
        .required(needed)
    };
    AnyOfBuilder::new()
        .description(Some(text))
        .item(with("extcred_label"))
        .item(with("json_blob"))
}

fn pieces_request(open_ai: impl Into<RefOr<Schema>>) -> ObjectBuilder {
    let user = plain_text()
        .min_length(Some(1))
        .max_length(Some(MAX_USER_CHARS));
    closed(object([
        ("user", required(user)),
        ("open_AI", optional(open_ai)),
        ("schema", optional(model_schema())),
    ]))
}

// `EmbeddedModelSchema`. Its other members are returned unchanged.
fn model_schema() -> ObjectBuilder {
    object([
        (
            "migration",
            required(ObjectBuilder::new().schema_type(Type::Integer)),
        ),
        ("semantic", required(one_of(SEMANTICS))),
    ])
    .schema_type(nullable(Type::Object))
    .additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

// `Auth0OpenAIUserMetadata`. A whole replacement must contain a key.
fn open_ai(whole: bool) -> ObjectBuilder {
    let nullable_text = || text().schema_type(nullable(Type::String));
    let api_key = if whole {
        required(text().min_length(Some(1)))
    } else {
        optional(nullable_text().min_length(Some(1)))
    };
    closed(object([
        ("api_key", api_key),
        ("api_key_name", optional(nullable_text())),
        ("organization_key", optional(nullable_text())),
        ("schema", optional(model_schema())),
    ]))
    .schema_type(nullable(Type::Object))
}

fn kept_user_key() -> ObjectBuilder {
    let kept = object([
        ("api_key", optional(text())),
        ("api_key_name", optional(text())),
        ("organization_key", optional(text())),
        ("schema", optional(model_schema())),
    ]);
    let metadata = object([("global_id", required(text())), ("open_AI", optional(kept))]);
    object([
        ("metadata", required(metadata)),
        ("schema", optional(model_schema())),
    ])
}
