//! The OpenAPI document. What an operation takes and answers stands as an annotation next to its handler; here
//! is what operations have in common, and what makes one document of them.

mod bodies;
mod limits;
mod parameters;
mod plain;
mod responses;
mod schemas;

use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::tag::{Tag, TagBuilder};
use utoipa::openapi::{
    Components, ComponentsBuilder, HttpMethod, InfoBuilder, LicenseBuilder, OpenApi,
    OpenApiBuilder, Paths, Ref, RefOr,
};

pub(crate) use bodies::{
    CredentialChange, KeptUserKey, NewCredential, NewUserKey, UserKeyChange, UserKeyDeletion,
};
pub(crate) use parameters::{
    Consistency, CredentialInPath, Idempotency, Organization, in_path, parameters, query,
};
pub(crate) use plain::PlainRefused;
pub(crate) use responses::{
    BodyInvalid, BodyOrRegionsLate, BodyRefused, HeadersInvalid, NoSuchCredential, QueryInvalid,
    Refused, RegionsLate, ReplicaLag, ReusedKey, Unavailable, Unread, Unwritten, failure, named,
    responses,
};
pub(crate) use schemas::*;

/// The scheme of API keys in `SlashID-API-Key`.
const API_KEY: &str = "SlashID-API-Key";
/// The scheme of API keys in `X-Application-ID`.
const APPLICATION: &str = "X-Application-ID";

const ABOUT: &str = "Strongroom keeps the credentials that organizations hold with other companies. It serves the \
external-credentials part of the SlashID API, and the ExternalProvider part of the Pieces API.

A security requirement lists the roles that an API key may have. A path that is not described here is answered 404, \
and a method that a path does not take 405 with `Allow`; both have the envelope of other failures. Where no 500 \
is described, one is a defect.";

/// The heading of the operations whose failures are plain text.
const PLAIN_TAG: &str = "pieces";

const TAGS: [(&str, &str); 4] = [
    ("credentials", "Credentials of an organization (SlashID)."),
    (
        "organization",
        "What else there is to know of an organization.",
    ),
    (PLAIN_TAG, "Users' OpenAI keys (Pieces ExternalProvider)."),
    ("service", "The service itself. Needs no key."),
];

/// The OpenAPI document of the service, as JSON.
///
/// # Errors
/// When it cannot be put into JSON, which is a defect.
pub fn openapi() -> serde_json::Result<String> {
    document(crate::routes::described()).to_pretty_json()
}

/// The document of these operations, each with its path.
fn document(operations: Vec<(String, HttpMethod, Operation)>) -> OpenApi {
    let license = LicenseBuilder::new()
        .name("Apache-2.0")
        .identifier(Some("Apache-2.0"));
    let info = InfoBuilder::new()
        .title("Strongroom")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(license.build()));
    let mut paths = Paths::new();
    let mut components = components();
    for (path, method, mut operation) in operations {
        add_limits(&mut operation, method == HttpMethod::Head);
        complete(&mut operation, &mut components);
        paths.add_path_operation(path, vec![method], operation);
    }
    OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components))
        .tags(Some(TAGS.map(tag)))
        .build()
}

fn tag((name, description): (&str, &str)) -> Tag {
    TagBuilder::new()
        .name(name)
        .description(Some(description))
        .build()
}

fn components() -> Components {
    let key = |name: &str, description: &str| {
        let value = ApiKeyValue::with_description(name, description);
        SecurityScheme::ApiKey(ApiKey::Header(value))
    };
    let application =
        "An API key, as the clients of the Pieces API send it. It names the organization.";
    let components = ComponentsBuilder::new()
        .schema_from::<NewCredential>()
        .schema_from::<CredentialChange>()
        .schema_from::<NewUserKey>()
        .schema_from::<UserKeyChange>()
        .schema_from::<UserKeyDeletion>()
        .schema_from::<KeptUserKey>()
        .security_scheme(API_KEY, key(API_KEY, "An API key of the organization."))
        .security_scheme(APPLICATION, key(APPLICATION, application))
        .parameter(parameters::REQUEST_ID, parameters::request_id());
    responses::common_headers()
        .into_iter()
        .chain(limits::standing_headers())
        .fold(components, |components, (name, header)| {
            components.header(name, header)
        })
        .build()
}

/// Adds what limits make of any operation.
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
    for answer in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = answer {
            for (name, _) in limits::standing_headers() {
                let header = reference("headers", name);
                response.headers.insert(name.to_owned(), header);
            }
        }
    }
}

/// Adds what every request may have and every answer has. Answers that have a name move to the components.
fn complete(operation: &mut Operation, components: &mut Components) {
    let own = operation.parameters.get_or_insert_default();
    own.push(reference("parameters", parameters::REQUEST_ID));
    for answer in operation.responses.responses.values_mut() {
        let RefOr::T(response) = answer else {
            continue;
        };
        for (name, _) in responses::common_headers() {
            let header = reference("headers", name);
            response.headers.insert(name.to_owned(), header);
        }
        if let Some(name) = responses::take_name(response) {
            let shared = std::mem::replace(answer, reference("responses", &name));
            components.responses.insert(name, shared);
        }
    }
}

fn reference<T>(kind: &str, name: &str) -> RefOr<T> {
    RefOr::Ref(Ref::new(format!("#/components/{kind}/{name}")))
}
