//! Last-used times of credentials and API keys.

use chrono::{DateTime, Utc};

use crate::ids::{CredentialId, KeyId};
use crate::scope::OrgScope;

/// The last use of a credential: a reveal or a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastUsed {
    /// The time, in microseconds.
    pub at: DateTime<Utc>,
    /// The API key that used it; `None` for a caller without an API key.
    pub by: Option<KeyId>,
}

/// A batch of last-used times to store. Each credential and key occurs once, in the order of
/// organizations and ids: all servers write the rows in this order, which prevents deadlocks.
#[derive(Debug, Clone, Default)]
pub struct LastUsedTimes {
    /// Last-used times of credentials.
    pub credentials: Vec<(OrgScope, CredentialId, LastUsed)>,
    /// Last-used times of API keys.
    pub keys: Vec<(OrgScope, KeyId, DateTime<Utc>)>,
}

impl LastUsedTimes {
    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.credentials.len() + self.keys.len()
    }

    /// Whether the batch is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
