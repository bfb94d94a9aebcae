//! When credentials and API keys were last used: what is noted, and the port that keeps it.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::caller::OrgScope;
use crate::ids::{CredentialId, KeyId};

/// A credential's last use: a reveal or a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LastUsed {
    /// When, to the microsecond; RFC 3339 on the wire.
    #[serde(rename = "last_used_at")]
    pub at: DateTime<Utc>,
    /// The API key that used it; none for a caller without one.
    #[serde(rename = "last_used_by")]
    pub by: Option<KeyId>,
}

/// Uses to keep, each credential and key once.
#[derive(Debug, Clone, Default)]
pub struct LastUsedTimes {
    /// Of credentials.
    pub credentials: Vec<(OrgScope, CredentialId, LastUsed)>,
    /// Of API keys.
    pub keys: Vec<(OrgScope, KeyId, DateTime<Utc>)>,
}

impl LastUsedTimes {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.credentials.len() + self.keys.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
