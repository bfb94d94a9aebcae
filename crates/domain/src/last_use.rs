//! When credentials and API keys were last used: what is noted, and the port that keeps it.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::caller::OrgScope;
use crate::credential::SealedCredential;
use crate::store::StoreResult;
use crate::{CredentialId, KeyId};

/// A credential's last use: a reveal or a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LastUse {
    /// When, to the microsecond; RFC 3339 on the wire.
    #[serde(rename = "last_used_at")]
    pub at: DateTime<Utc>,
    /// The API key that used it; none for a caller without one.
    #[serde(rename = "last_used_by")]
    pub by: Option<KeyId>,
}

/// A credential's row with its last use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCredential {
    /// The row.
    pub sealed: SealedCredential,
    /// When it was last used, if ever.
    pub last_use: Option<LastUse>,
}

/// Uses to keep, each credential and key once.
#[derive(Debug, Clone, Default)]
pub struct Uses {
    /// Of credentials.
    pub credentials: Vec<(OrgScope, CredentialId, LastUse)>,
    /// Of API keys.
    pub keys: Vec<(OrgScope, KeyId, DateTime<Utc>)>,
}

impl Uses {
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

/// Keeps last uses.
#[async_trait]
pub trait LastUseStore: Send + Sync {
    /// Keeps `uses`; where a later one is kept already, that stays. A credential that is not there any more is
    /// left out. May keep some and then fail; keeping one again does no harm.
    async fn keep_uses(&self, uses: Uses) -> StoreResult<()>;
    /// When each API key of the organization was last used; those never used are left out.
    async fn key_uses(&self, scope: OrgScope) -> StoreResult<HashMap<KeyId, DateTime<Utc>>>;
}
