//! Request bodies, as strict as the service is, and the Pieces API's response.

use serde_json::json;
use strongroom_domain::blob;
use strongroom_domain::blob::GOOGLE_TYPE;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::pieces::{MAX_USER_CHARS, SEMANTICS};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::schema::{AdditionalProperties, SchemaType};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};

use crate::openapi::components::named;
use crate::openapi::schemas::{
    closed, credential_type, free_object, label, nullable, object, one_of, optional, plain_text,
    provider, required, schemas, text, time_or_null, uuid,
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

const EXPIRY: &str = "When the credential expires. If absent or null, what the secret says: the \
                      claim `exp` of an `access_token` that is a JSON Web Token, or the earliest \
                      end of the PEM certificates in it.";
const OTHER_EXPIRY: &str = "When the credential expires. Null for what the secret says. The stored \
                            value counts as absent, and if absent, another secret says it anew.";

// One plain object: from alternatives, client generators make union types without a common
// constructor.
fn new_credential() -> ObjectBuilder {
    let rules: Vec<_> = CredentialType::ALL
        .iter()
        .copied()
        .flat_map(rules)
        .collect();
    let words: Vec<_> = rules.iter().map(BlobRule::in_words).collect();
    let text = format!(
        "Members that `json_blob` must contain, as non-empty strings: {}. `x-json-blob-rules` has \
         the same as data. A member may also be spelled in camel case (`apiKey`), and further \
         members are allowed. With the server's setting `blob_validation = \"object\"`, any \
         object that is not empty is accepted. JSON with a duplicate member, a lone surrogate or \
         more than 32 levels is refused.",
        words.join("; ")
    );
    let rules: Vec<_> = rules.iter().map(BlobRule::as_json).collect();
    let rules = ExtensionsBuilder::new().add("x-json-blob-rules", rules);
    closed(object([
        ("extcred_provider", required(provider())),
        ("extcred_type", required(credential_type())),
        ("extcred_label", optional(label())),
        ("json_blob", required(json_blob())),
        (
            "expires_at",
            optional(time_or_null().description(Some(EXPIRY))),
        ),
    ]))
    .description(Some(text))
    .extensions(Some(rules.build()))
}

fn json_blob() -> ObjectBuilder {
    free_object().min_properties(Some(1))
}

/// What the credentials of a type must contain, for providers with the same rule.
struct BlobRule {
    kind: CredentialType,
    providers: Vec<Provider>,
    is_usual: bool,
}

fn rules(kind: CredentialType) -> impl Iterator<Item = BlobRule> {
    let usual = blob::required(Provider::Generic, kind);
    let (others, special): (Vec<Provider>, Vec<Provider>) = Provider::ALL
        .iter()
        .partition(|one| blob::required(**one, kind) == usual);
    let rules = [(others, true), (special, false)].into_iter();
    let rules = rules.filter(|(providers, _)| !providers.is_empty());
    rules.map(move |(providers, is_usual)| BlobRule {
        kind,
        providers,
        is_usual,
    })
}

fn names(providers: &[Provider]) -> Vec<&'static str> {
    providers.iter().map(|one| one.as_str()).collect()
}

impl BlobRule {
    fn required(&self) -> &'static [&'static str] {
        blob::required(self.providers[0], self.kind)
    }

    fn is_google_file(&self) -> bool {
        self.providers == [Provider::Google]
    }

    fn in_words(&self) -> String {
        let members: Vec<_> = self
            .required()
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let members = match members.is_empty() {
            true => "at least one member".to_owned(),
            false => members.join(", "),
        };
        let of = match self.is_usual {
            true => String::new(),
            false => format!(" of {}", names(&self.providers).join(", ")),
        };
        let more = match self.is_google_file() {
            true => format!(", where `type` is `{GOOGLE_TYPE}`"),
            false => String::new(),
        };
        format!("`{}`{of}: {members}{more}", self.kind.as_str())
    }

    fn as_json(&self) -> serde_json::Value {
        let spellings = |name: &&str| {
            let camel = blob::camel_case(name);
            match camel == *name {
                true => json!([name]),
                false => json!([name, camel]),
            }
        };
        let required: Vec<_> = self.required().iter().map(spellings).collect();
        let providers = names(&self.providers);
        let mut rule = json!({
            "extcred_type": self.kind.as_str(),
            "extcred_provider": providers,
            "required": required,
        });
        if self.is_google_file() {
            rule["values"] = json!({"type": GOOGLE_TYPE});
        }
        rule
    }
}

fn credential_change() -> ObjectBuilder {
    let text = "At least one of `extcred_label`, `json_blob`, `json_blob_merge` and `expires_at`; \
                `json_blob` and `json_blob_merge` exclude each other. `json_blob_merge` is a JSON \
                Merge Patch (RFC 7396): members that it does not name \
                keep their exact bytes. The resulting `json_blob` must be valid for the stored \
                type, as in `NewCredential`. The answer to a reveal can be sent back: the ids, \
                `extcred_provider` and `extcred_type` must equal the stored values, and what the \
                service adds is ignored.";
    let any = || ObjectBuilder::new().schema_type(SchemaType::AnyValue);
    let ignored = || optional(any().description(Some("Ignored.")));
    closed(object([
        ("extcred_label", optional(label())),
        ("json_blob", optional(json_blob())),
        ("json_blob_merge", optional(free_object())),
        ("external_cred_id", optional(uuid())),
        ("organization_id", optional(uuid())),
        ("extcred_provider", optional(provider())),
        ("extcred_type", optional(credential_type())),
        (
            "expires_at",
            optional(time_or_null().description(Some(OTHER_EXPIRY))),
        ),
        ("expires_source", ignored()),
        ("value_version", ignored()),
        ("created_at", ignored()),
        ("updated_at", ignored()),
        ("etag", ignored()),
        ("last_used_at", ignored()),
        ("last_used_by", ignored()),
    ]))
    .description(Some(text))
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
fn model_schema() -> RefOr<Schema> {
    let model = object([
        (
            "migration",
            required(ObjectBuilder::new().schema_type(Type::Integer)),
        ),
        ("semantic", required(one_of(SEMANTICS))),
    ])
    .schema_type(nullable(Type::Object))
    .additional_properties(Some(AdditionalProperties::FreeForm(true)));
    named("ModelSchema", model)
}

// `Auth0OpenAIUserMetadata`. A whole replacement must contain a key.
fn open_ai(whole: bool) -> RefOr<Schema> {
    let nullable_text = || text().schema_type(nullable(Type::String));
    let api_key = if whole {
        required(text().min_length(Some(1)))
    } else {
        optional(nullable_text().min_length(Some(1)))
    };
    let members = closed(object([
        ("api_key", api_key),
        ("api_key_name", optional(nullable_text())),
        ("organization_key", optional(nullable_text())),
        ("schema", optional(model_schema())),
    ]));
    let name = if whole { "NewOpenAi" } else { "OpenAiChange" };
    named(name, members.schema_type(nullable(Type::Object)))
}

fn kept_user_key() -> ObjectBuilder {
    let kept = object([
        ("api_key", optional(text())),
        ("api_key_name", optional(text())),
        ("organization_key", optional(text())),
        ("schema", optional(model_schema())),
    ]);
    let metadata = object([
        ("global_id", required(text())),
        ("open_AI", optional(named("KeptOpenAi", kept))),
    ]);
    object([
        ("metadata", required(named("UserMetadata", metadata))),
        ("schema", optional(model_schema())),
    ])
}
