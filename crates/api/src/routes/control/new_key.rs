//! The body of a request for a new API key.

use std::net::IpAddr;

use ipnet::IpNet;
use strongroom_domain::api_key::limits::{KeyLimits, OrganizationReach};
use strongroom_domain::api_key::reach::CredentialReach;
use strongroom_domain::json::value::Value;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::label::{Label, MAX_LABEL_CHARS};
use strongroom_domain::organization::{MAX_NAME_CHARS, check_name};
use strongroom_domain::permission::{Permission, PermissionSet, Role};
use strongroom_domain::{CredentialId, FieldError, NewApiKey};
use strongroom_web::fields::{Fields, choice, list, string};
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, RefOr, Schema};

use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::schemas::{
    closed, credential_type, object, one_of, optional, plain_text, provider, required, time, uuid,
};
use crate::times;

/// The maximum number of ids, and of networks, of a key.
const MAX_LISTED: usize = 1000;

/// Reads a name.
pub(super) fn name(field: &'static str) -> impl FnOnce(&str) -> Result<String, FieldError> {
    move |text| match check_name(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(error) => Err(FieldError::new(field, error.code, error.message)),
    }
}

pub(super) fn name_schema() -> ObjectBuilder {
    plain_text()
        .min_length(Some(1))
        .max_length(Some(MAX_NAME_CHARS))
}

/// Reads a new key.
pub(super) fn parse(body: &[u8]) -> Result<NewApiKey, ApiError> {
    let mut fields = Fields::parse(body)?;
    let value = fields.require("name");
    let name = fields.check(value, string("name", name("name")));
    let (role, permissions) = permissions(&mut fields);
    let value = fields.take_unless_null("expires_at");
    let expires_at = fields.check(value, string("expires_at", times::expires_at));
    let value = fields.take_unless_null("networks");
    let networks = fields.check(value, list("networks", MAX_LISTED, network));
    let value = fields.take_unless_null("credentials");
    let credentials = value.map(|value| reach(&mut fields, value));
    let value = fields.take_unless_null("organizations");
    let read = choice(
        "organizations",
        OrganizationReach::parse,
        OrganizationReach::choices,
    );
    let organizations = fields.check(value, read);
    fields.finish()?;
    Ok(NewApiKey {
        name: name.unwrap_or_default(),
        limits: KeyLimits {
            role,
            permissions,
            credentials: credentials.flatten(),
            networks: networks.unwrap_or_default(),
            organizations: organizations.unwrap_or(OrganizationReach::Own),
        },
        expires_at,
    })
}

fn permissions(fields: &mut Fields<'_>) -> (Option<Role>, PermissionSet) {
    let value = fields.take_unless_null("role");
    let has_role = value.is_some();
    let role = fields.check(value, choice("role", Role::parse, Role::choices));
    let value = fields.take_unless_null("permissions");
    if has_role == value.is_some() {
        let message = "is required: a role, or permissions instead";
        let error = match has_role {
            true => FieldError::new(
                "permissions",
                "conflict",
                "cannot be used together with role",
            ),
            false => FieldError::new("role", "required", message),
        };
        fields.errors.push(error);
    }
    let all = Permission::ALL.len();
    let given = fields.check(value, list("permissions", all, permission));
    match role {
        Some(role) => (Some(role), role.permissions()),
        None => (None, given.unwrap_or_default().into_iter().collect()),
    }
}

fn permission(text: &str) -> Result<Permission, String> {
    Permission::parse(text).ok_or_else(|| format!("must be {}", Permission::choices()))
}

// A single address is the network that contains only it.
fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse::<IpNet>().ok();
    let network = network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let network = network.ok_or_else(|| "must be a network such as 10.0.0.0/8".to_owned())?;
    Ok(network.trunc())
}

fn reach(fields: &mut Fields<'_>, value: Value<'_>) -> Option<CredentialReach> {
    let Some(mut inner) = Fields::of(value) else {
        let message = format!("must be an object, and is {}", value.kind());
        let error = FieldError::new("credentials", "wrong_type", message);
        fields.errors.push(error);
        return None;
    };
    let value = inner.take_unless_null("providers");
    let providers = inner.check(
        value,
        list("providers", MAX_LISTED, |text| {
            Provider::parse(text).ok_or_else(|| format!("must be {}", Provider::choices()))
        }),
    );
    let value = inner.take_unless_null("types");
    let types = inner.check(
        value,
        list("types", MAX_LISTED, |text| {
            CredentialType::parse(text)
                .ok_or_else(|| format!("must be {}", CredentialType::choices()))
        }),
    );
    let value = inner.take_unless_null("label_prefix");
    let label_prefix = inner.check(value, string("label_prefix", Label::parse));
    let value = inner.take_unless_null("ids");
    let ids = inner.check(
        value,
        list("ids", MAX_LISTED, |text| {
            CredentialId::parse(text).ok_or_else(|| "must be a UUID".to_owned())
        }),
    );
    let reach = CredentialReach {
        providers,
        types,
        label_prefix: label_prefix.map(|prefix| prefix.as_str().to_owned()),
        ids,
    };
    let within = |error: FieldError| FieldError {
        field: format!("credentials.{}", error.field),
        ..error
    };
    let errors: Vec<_> = inner.into_errors().into_iter().map(within).collect();
    if errors.is_empty() && reach == CredentialReach::default() {
        let message = "must name providers, types, label_prefix or ids";
        fields
            .errors
            .push(FieldError::new("credentials", "empty", message));
    }
    fields.errors.extend(errors);
    Some(reach)
}

pub(super) fn reach_schema() -> RefOr<Schema> {
    let some = |items: RefOr<Schema>| ArrayBuilder::new().items(items).min_items(Some(1));
    let members = object([
        ("providers", optional(some(provider()))),
        ("types", optional(some(credential_type()))),
        (
            "label_prefix",
            optional(plain_text().max_length(Some(MAX_LABEL_CHARS))),
        ),
        ("ids", optional(some(uuid().into()))),
    ]);
    let about =
        "The credentials that the key reaches: those that match every member that is given.";
    named("CredentialReach", closed(members).description(Some(about)))
}

pub(super) fn role_schema() -> RefOr<Schema> {
    named("Role", one_of(Role::ALL.iter().map(|role| role.as_str())))
}

pub(super) fn permissions_schema() -> ArrayBuilder {
    let names = Permission::ALL.iter().map(|one| one.as_str());
    ArrayBuilder::new().items(named("Permission", one_of(names)))
}

pub(super) fn networks_schema() -> ArrayBuilder {
    let about = "Networks (CIDR) from which the key is accepted; from all if absent.";
    ArrayBuilder::new()
        .items(plain_text())
        .description(Some(about))
}

pub(super) fn organizations_schema() -> RefOr<Schema> {
    let names = OrganizationReach::ALL.iter().map(|one| one.as_str());
    named("OrganizationReach", one_of(names))
}

pub(super) fn schema() -> RefOr<Schema> {
    let members = object([
        ("name", required(name_schema())),
        ("role", optional(role_schema())),
        (
            "permissions",
            optional(permissions_schema().min_items(Some(1))),
        ),
        ("expires_at", optional(time())),
        ("networks", optional(networks_schema())),
        ("credentials", optional(reach_schema())),
        ("organizations", optional(organizations_schema())),
    ]);
    let about = "`role`, or `permissions` instead. A caller grants no more than it holds.";
    named("NewApiKey", closed(members).description(Some(about)))
}
