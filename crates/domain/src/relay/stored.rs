//! Policies as the database holds them.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::audit::chain::Chain;
use crate::credential::StoredCredential;
use crate::error::VaultError;
use crate::history::SealedValue;
use crate::ids::{CredentialId, OrgId};

/// A policy's row. Its version rises with each change, and never comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPolicy {
    /// The version: 1 for the first policy, one more for each later one and for each deletion.
    pub version: i64,
    /// The time of the change.
    pub updated_at: DateTime<Utc>,
    /// The policy; `None` if this version deleted it.
    pub sealed: Option<SealedValue>,
    /// The keyed digest over the other columns but the wrapped key, which is in the event of the
    /// version, too.
    pub digest: Vec<u8>,
}

/// A policy's row, and what the audit trail says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrailedPolicy {
    /// The row.
    pub policy: Option<StoredPolicy>,
    /// The newest version in the trail; `None` if no event names one.
    pub recorded_version: Option<i64>,
    /// Whether an event has this version and digest.
    pub recorded: bool,
}

/// A credential, and its policy.
#[derive(Debug, Clone)]
pub struct CredentialWithPolicy {
    /// The credential.
    pub credential: Arc<StoredCredential>,
    /// Its policy.
    pub policy: TrailedPolicy,
    /// A text that is another one after any change of either row; empty if there is no policy.
    pub stamp: Arc<str>,
}

impl TrailedPolicy {
    /// The policy that is current, if there is one.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if the row is not what a server wrote last.
    pub fn current(
        &self,
        chain: &Chain,
        org: OrgId,
        id: CredentialId,
    ) -> Result<Option<&StoredPolicy>, VaultError> {
        let Some(policy) = &self.policy else {
            return match self.recorded_version {
                None => Ok(None),
                Some(_) => Err(VaultError::Integrity("a relay policy is missing")),
            };
        };
        let genuine = chain.policy_digest(org, id, policy) == policy.digest.as_slice();
        match genuine && self.recorded && self.recorded_version == Some(policy.version) {
            true => Ok(Some(policy).filter(|policy| policy.sealed.is_some())),
            false => Err(VaultError::Integrity(
                "a relay policy is not the one in its audit trail",
            )),
        }
    }

    /// The version of the next change, whatever the state of the row.
    #[must_use]
    pub fn next_version(&self) -> i64 {
        let stored = self.policy.as_ref().map_or(0, |policy| policy.version);
        stored.max(self.recorded_version.unwrap_or(0)) + 1
    }
}
