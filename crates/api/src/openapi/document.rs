//! Puts the document together.

use std::sync::OnceLock;

use strongroom_domain::permission::Permission;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, ClientCredentials, Flow, HttpAuthScheme, HttpBuilder, OAuth2, Scopes,
    SecurityScheme,
};
use utoipa::openapi::server::{Server, ServerBuilder};
use utoipa::openapi::tag::{Tag, TagBuilder};
use utoipa::openapi::{
    Components, ComponentsBuilder, HttpMethod, InfoBuilder, LicenseBuilder, OpenApi,
    OpenApiBuilder, Paths, Ref, RefOr,
};

use crate::headers::{API_KEY, APPLICATION_ID};
use crate::openapi::bodies::{
    CredentialChange, KeptUserKey, NewCredential, NewUserKey, UserKeyChange, UserKeyDeletion,
};
use crate::openapi::{components, failure, headers, limits, parameters};
use crate::paths::TOKENS;

const ABOUT: &str = "Strongroom stores the credentials that organizations hold with other \
companies. It implements the external-credentials part of the SlashID API, and the \
ExternalProvider part of the Pieces API.

A security requirement names the permission that an API key, access token or client must have. \
A path that is not described here \
is answered with 404, and a method that a path does not support with 405 and `Allow`; both have \
the envelope of other failures. Where no 500 is described, a 500 is a defect.";

/// The security scheme of access tokens.
pub(crate) const OAUTH2: &str = "OAuth2";
/// The security scheme of OAuth 2.0 clients.
pub(crate) const BASIC: &str = "Basic";

/// The tag of the operations whose failures are plain text.
pub(crate) const PLAIN_TAG: &str = "pieces";

const TAGS: [(&str, &str); 6] = [
    ("credentials", "Credentials of an organization (SlashID)."),
    (
        "organization",
        "An organization, its descendants and its audit trail.",
    ),
    ("api keys", "The API keys of an organization."),
    (
        "oauth2",
        "OAuth 2.0 clients and access tokens (SlashID, RFC 6749, 7009 and 7662).",
    ),
    (PLAIN_TAG, "Users' OpenAI keys (Pieces ExternalProvider)."),
    ("service", "The service itself. Requires no key."),
];

const SERVERS: [(&str, &str); 2] = [
    ("/", "The server that serves this document."),
    ("http://127.0.0.1:8700", "`strongroom dev`."),
];

/// The document as text, made on first use.
pub(crate) struct Document {
    make: fn() -> serde_json::Result<String>,
    text: OnceLock<String>,
}

impl Document {
    pub(crate) const fn new(make: fn() -> serde_json::Result<String>) -> Self {
        let text = OnceLock::new();
        Self { make, text }
    }

    /// # Errors
    /// If it cannot be serialized, which is a defect.
    pub(crate) fn text(&self) -> serde_json::Result<&str> {
        if let Some(text) = self.text.get() {
            return Ok(text);
        }
        let text = (self.make)()?;
        Ok(self.text.get_or_init(|| text))
    }
}

/// The document of these operations, each with its path and method, as JSON.
///
/// # Errors
/// If it cannot be serialized, which is a defect.
pub(crate) fn to_json(
    operations: impl Iterator<Item = (String, HttpMethod, Operation)>,
) -> serde_json::Result<String> {
    document(operations).to_pretty_json()
}

fn document(operations: impl Iterator<Item = (String, HttpMethod, Operation)>) -> OpenApi {
    let license = LicenseBuilder::new()
        .name("Apache-2.0")
        .identifier(Some("Apache-2.0"));
    let info = InfoBuilder::new()
        .title("Strongroom")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(license.build()));
    let mut paths = Paths::new();
    let mut components = shared();
    move_nested(&mut components.schemas);
    for (path, method, mut operation) in operations {
        add_limits(&mut operation, method == HttpMethod::Head);
        components::move_named(&mut operation, &mut components.schemas);
        add_common(&mut operation, &mut components);
        paths.add_path_operation(path, vec![method], operation);
    }
    OpenApiBuilder::new()
        .info(info)
        .servers(Some(SERVERS.map(server)))
        .paths(paths)
        .components(Some(components))
        .tags(Some(TAGS.map(tag)))
        .build()
}

fn server((url, description): (&str, &str)) -> Server {
    ServerBuilder::new()
        .url(url)
        .description(Some(description))
        .build()
}

fn tag((name, description): (&str, &str)) -> Tag {
    TagBuilder::new()
        .name(name)
        .description(Some(description))
        .build()
}

// Moves the named schemas that are in other components.
fn move_nested(schemas: &mut components::Found) {
    let mut found = components::Found::new();
    for schema in schemas.values_mut() {
        components::move_from(schema, &mut found);
    }
    schemas.append(&mut found);
}

fn shared() -> Components {
    let key = |name: &str, description: &str| {
        let value = ApiKeyValue::with_description(name, description);
        SecurityScheme::ApiKey(ApiKey::Header(value))
    };
    let application =
        "An API key, as the clients of the Pieces API send it. It determines the organization.";
    let components = ComponentsBuilder::new()
        .schema_from::<NewCredential>()
        .schema_from::<CredentialChange>()
        .schema_from::<NewUserKey>()
        .schema_from::<UserKeyChange>()
        .schema_from::<UserKeyDeletion>()
        .schema_from::<KeptUserKey>()
        .security_scheme(API_KEY, key(API_KEY, "An API key of the organization."))
        .security_scheme(APPLICATION_ID, key(APPLICATION_ID, application))
        .security_scheme(OAUTH2, oauth2())
        .security_scheme(BASIC, basic())
        .parameter(parameters::REQUEST_ID, parameters::request_id());
    headers::common()
        .into_iter()
        .chain(headers::rate_limit())
        .fold(components, |components, (name, header)| {
            components.header(name, header)
        })
        .build()
}

fn oauth2() -> SecurityScheme {
    let scopes = Permission::ALL.iter();
    let scopes = scopes.map(|one| (one.as_str().to_owned(), one.about().to_owned()));
    let flow = ClientCredentials::new(TOKENS, Scopes::from_iter(scopes));
    let flows = [Flow::ClientCredentials(flow)];
    let about = "An access token of an OAuth 2.0 client, in `Authorization: Bearer`.";
    SecurityScheme::OAuth2(OAuth2::with_description(flows, about))
}

fn basic() -> SecurityScheme {
    let about = "The id and secret of an OAuth 2.0 client.";
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Basic);
    SecurityScheme::Http(scheme.description(Some(about)).build())
}

/// Adds the responses and headers of limits.
fn add_limits(operation: &mut Operation, is_head: bool) {
    let tags = operation.tags.as_deref().unwrap_or_default();
    let is_plain = tags.iter().any(|tag| tag == PLAIN_TAG);
    for (status, response) in limits::oversized(is_plain, is_head) {
        let responses = &mut operation.responses.responses;
        responses.insert(status.to_owned(), RefOr::T(response));
    }
    if operation.security.is_none() {
        return;
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            for (name, _) in headers::rate_limit() {
                let header = reference("headers", name);
                response.headers.insert(name.to_owned(), header);
            }
        }
    }
}

/// Adds the parameter of every request and the headers of every response. Moves responses that have
/// a name to the components.
fn add_common(operation: &mut Operation, components: &mut Components) {
    let own = operation.parameters.get_or_insert_default();
    own.push(reference("parameters", parameters::REQUEST_ID));
    for entry in operation.responses.responses.values_mut() {
        let RefOr::T(response) = entry else {
            continue;
        };
        for (name, _) in headers::common() {
            let header = reference("headers", name);
            response.headers.insert(name.to_owned(), header);
        }
        if let Some(name) = failure::take_name(response) {
            let shared = std::mem::replace(entry, reference("responses", &name));
            components.responses.insert(name, shared);
        }
    }
}

fn reference<T>(kind: &str, name: &str) -> RefOr<T> {
    RefOr::Ref(Ref::new(format!("#/components/{kind}/{name}")))
}
