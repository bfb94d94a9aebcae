//! API keys in responses.

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::Serialize;
use strongroom_domain::KeyId;
use strongroom_domain::api_key::StoredApiKey;
use strongroom_domain::api_key::limits::OrganizationReach;
use strongroom_domain::api_key::reach::CredentialReach;
use strongroom_domain::permission::{PermissionSet, Role};
use utoipa::openapi::ObjectBuilder;

use crate::openapi::schemas::{object, optional, required, text, time, uuid};
use crate::routes::control::new_key::{
    networks_schema, organizations_schema, permissions_schema, reach_schema, role_schema,
};

/// An API key, as responses contain it.
#[derive(Serialize)]
pub(super) struct KeyBody<'a> {
    key_id: KeyId,
    /// The text of a new key.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    permissions: PermissionSet,
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials: Option<&'a CredentialReach>,
    networks: &'a [IpNet],
    organizations: OrganizationReach,
    created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<DateTime<Utc>>,
}

impl<'a> KeyBody<'a> {
    pub(super) fn of(key: &'a StoredApiKey) -> Self {
        let limits = &key.limits;
        Self {
            key_id: key.id,
            api_key: None,
            name: &key.name,
            role: limits.role,
            permissions: limits.permissions,
            credentials: limits.credentials.as_ref(),
            networks: &limits.networks,
            organizations: limits.organizations,
            created_at: key.created_at,
            expires_at: key.expires_at,
            ends_at: key.ends.as_ref().map(|end| end.at),
            revoked_at: key.revoked_at,
            last_used_at: None,
        }
    }

    /// Adds the text of a new key.
    pub(super) fn with_text(self, text: &'a str) -> Self {
        Self {
            api_key: Some(text),
            ..self
        }
    }

    pub(super) fn last_used(self, at: Option<DateTime<Utc>>) -> Self {
        Self {
            last_used_at: at,
            ..self
        }
    }
}

pub(super) fn schema() -> ObjectBuilder {
    let when = |about: &str| optional(time().description(Some(about)));
    object([
        ("key_id", required(uuid())),
        ("name", required(text())),
        ("role", optional(role_schema())),
        ("permissions", required(permissions_schema())),
        ("credentials", optional(reach_schema())),
        ("networks", required(networks_schema())),
        ("organizations", required(organizations_schema())),
        ("created_at", required(time())),
        (
            "expires_at",
            when("When the key expires, as decided at its issue."),
        ),
        ("ends_at", when("When the key ends, as scheduled later.")),
        ("revoked_at", when("When the key was revoked.")),
        (
            "last_used_at",
            when("When a request was last authenticated by it."),
        ),
    ])
}

pub(super) fn issued_schema() -> ObjectBuilder {
    schema()
        .property(
            "api_key",
            text().description(Some("The key. It is shown once.")),
        )
        .required("api_key")
}
