//! OAuth 2.0 clients in responses.

use actix_web::{HttpResponse, HttpResponseBuilder};
use chrono::{DateTime, Utc};
use serde::Serialize;
use strongroom_domain::api_key::limits::OrganizationReach;
use strongroom_domain::oauth::client::{StoredClient, TOKEN_DURATIONS};
use strongroom_domain::permission::{Permission, PermissionSet};
use strongroom_domain::{ClientInfo, IssuedClient, KeyId};
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, RefOr, Schema, Type};

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::schemas::{
    Member, list, object, one_of, optional, required, schemas, success, text, time, uuid, whole,
};
use crate::secret_body;

/// The grants of every client.
pub(super) const GRANT_TYPES: [&str; 1] = ["client_credentials"];

schemas! {
    /// A client.
    Client => success("OauthClientAnswer", client());
    /// All clients.
    Clients => list("OauthClientList", client());
    /// A client with its secret.
    NewClient => success("NewOauthClientAnswer", named("OauthClientWithSecret", with_secret()));
    /// A new secret.
    Secret => success("OauthSecretAnswer", named("OauthSecret", object([
        ("client_secret", required(secret())),
    ])));
}

/// A client, as responses contain it.
#[derive(Serialize)]
pub(super) struct ClientBody<'a> {
    client_id: String,
    client_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    grant_types: [&'static str; 1],
    response_types: [&'static str; 0],
    scopes: PermissionSet,
    public: bool,
    organizations: OrganizationReach,
    access_token_duration: i64,
    created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<DateTime<Utc>>,
    key_id: KeyId,
}

impl<'a> ClientBody<'a> {
    pub(super) fn of(info: &'a ClientInfo) -> Self {
        Self::new(&info.client, info.last_used, None)
    }

    fn new(
        client: &'a StoredClient,
        last_used: Option<DateTime<Utc>>,
        client_secret: Option<&'a str>,
    ) -> Self {
        Self {
            client_id: client.client_id(),
            client_name: &client.name,
            client_secret,
            grant_types: GRANT_TYPES,
            response_types: [],
            scopes: client.limits.permissions,
            public: false,
            organizations: client.limits.organizations,
            access_token_duration: client.access_token_duration,
            created_at: client.created_at,
            last_used,
            key_id: client.id,
        }
    }
}

/// Ends `response` with a new client and its secret.
pub(super) fn issued(
    response: HttpResponseBuilder,
    issued: &IssuedClient,
) -> Result<HttpResponse, ApiError> {
    // Shown once, to the caller who created the client.
    let secret = issued.secret.expose();
    let body = Envelope::success(ClientBody::new(&issued.client, None, Some(secret)));
    Ok(secret_body::json(response, &body, secret.len())?)
}

/// The schema of scopes.
pub(super) fn scopes() -> ArrayBuilder {
    let scope = one_of(Permission::ALL.iter().map(|one| one.as_str()));
    ArrayBuilder::new().items(named("Scope", scope))
}

/// The schema of `grant_types`.
pub(super) fn grant_types() -> ArrayBuilder {
    let items = ArrayBuilder::new().items(one_of(GRANT_TYPES));
    items.min_items(Some(1)).max_items(Some(1))
}

/// The schema of `organizations`.
pub(super) fn organizations() -> ObjectBuilder {
    one_of(OrganizationReach::ALL.iter().map(|one| one.as_str()))
}

/// The schema of `access_token_duration`.
pub(super) fn duration() -> ObjectBuilder {
    let (least, most) = TOKEN_DURATIONS;
    whole(least, most)
}

fn secret() -> ObjectBuilder {
    text().description(Some("Shown this one time."))
}

fn client() -> RefOr<Schema> {
    named("OauthClient", object(members()))
}

fn with_secret() -> ObjectBuilder {
    let client = object(members());
    client
        .property("client_secret", secret())
        .required("client_secret")
}

fn members() -> [(&'static str, Member); 11] {
    let none = ArrayBuilder::new().items(text()).max_items(Some(0));
    let public = ObjectBuilder::new().schema_type(Type::Boolean);
    let last = "When the client or one of its tokens was last used; absent if never.";
    let key_id = "The client in `last_used_by` of credentials and `key_id` of audit events.";
    [
        ("client_id", required(text())),
        ("client_name", required(text())),
        ("grant_types", required(grant_types())),
        ("response_types", required(none)),
        ("scopes", required(scopes())),
        (
            "public",
            required(public.description(Some("Always false."))),
        ),
        ("organizations", required(organizations())),
        ("access_token_duration", required(duration())),
        ("created_at", required(time())),
        ("last_used", optional(time().description(Some(last)))),
        ("key_id", required(uuid().description(Some(key_id)))),
    ]
}
