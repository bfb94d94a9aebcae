//! Organizations, and the validation of names.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::ancestor::Ancestor;
use crate::api_key::StoredApiKey;
use crate::error::FieldError;
use crate::ids::OrgId;
use crate::keyring::stored::StoredOrgKey;

/// How long a deleted organization can be restored, by default.
pub const DEFAULT_GRACE: TimeDelta = TimeDelta::days(7);

/// The maximum length of the name of an organization or API key, in characters.
pub const MAX_NAME_CHARS: usize = 256;

/// A tenant.
#[derive(Debug, Clone, Serialize)]
pub struct Organization {
    /// Its id.
    #[serde(rename = "org_id")]
    pub id: OrgId,
    /// The name; not necessarily unique.
    pub name: String,
    /// The parent. A root organization has none.
    #[serde(rename = "parent_org_id", skip_serializing_if = "Option::is_none")]
    pub parent: Option<OrgId>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
    /// The deletion time. The API keys of a deleted organization are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<DateTime<Utc>>,
    /// The time after which its keys are destroyed. Before that it can be restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destroy_after: Option<DateTime<Utc>>,
    /// The time at which its keys, and thereby all data sealed with them, were destroyed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destroyed_at: Option<DateTime<Utc>>,
}

/// How much organizations hold that is in use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Credentials that are not deleted.
    pub credentials: i64,
    /// API keys that are not revoked.
    pub api_keys: i64,
    /// OAuth 2.0 clients.
    pub clients: i64,
}

/// An organization with all those below it that are not deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subtree {
    /// The number of organizations below it.
    pub below: usize,
    /// What all of them hold together, each number up to [`Self::COUNTED`].
    pub holdings: Holdings,
}

impl Subtree {
    /// The number up to which holdings are counted.
    pub const COUNTED: i64 = 100_000;
}

/// An organization to create.
#[derive(Debug, Clone)]
pub struct NewOrganization {
    /// The organization.
    pub organization: Organization,
    /// Its ancestors, the parent first.
    pub ancestors: Vec<Ancestor>,
    /// The first generation of its key.
    pub key: StoredOrgKey,
    /// Its first API key.
    pub api_key: Option<StoredApiKey>,
}

/// Validates the name of an organization or API key: 1 to [`MAX_NAME_CHARS`] characters, no control
/// characters.
///
/// # Errors
/// A [`FieldError`] on `name`.
pub fn check_name(name: &str) -> Result<(), FieldError> {
    let error = |code, message: String| Err(FieldError::new("name", code, message));
    if name.trim().is_empty() {
        return error("empty", "must not be empty".into());
    }
    if name.chars().count() > MAX_NAME_CHARS {
        return error(
            "too_long",
            format!("must have at most {MAX_NAME_CHARS} characters"),
        );
    }
    if name.chars().any(char::is_control) {
        return error(
            "control_character",
            "must not contain control characters".into(),
        );
    }
    Ok(())
}
