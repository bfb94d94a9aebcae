//! What was read for uses a moment ago, so that a busy credential is not read, and its policy not
//! opened, for each of them.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::credential::StoredCredential;
use crate::ids::{CredentialId, OrgId};
use crate::ports::relay::UsedRows;
use crate::relay::policy_info::PolicyInfo;
use crate::relay::stored::CredentialWithPolicy;

/// The time for which it is used. The record of each use compares the stamps of the rows, so that
/// this bounds only the memory.
const LIFETIME: Duration = Duration::from_secs(60);
/// Most bytes of all entries.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of an entry beside the sealed values.
const ENTRY_BYTES: usize = 1024;
/// Bytes of an opened policy for each byte of a sealed one, roughly.
const OPENED_BYTES: usize = 4;

/// A sealed credential, and the policy by which it is used.
pub(super) struct RelaySource {
    pub(super) credential: Arc<StoredCredential>,
    pub(super) policy: PolicyInfo,
    /// The rows that a use is recorded with.
    pub(super) used: UsedRows,
    weight: u32,
}

/// Sources by organization and credential.
pub(super) struct RelayCache(Cache<(OrgId, CredentialId), Arc<RelaySource>>);

impl RelayCache {
    pub(super) fn new() -> Self {
        let cache = Cache::builder()
            .weigher(|_, source: &Arc<RelaySource>| source.weight)
            .max_capacity(MAX_BYTES)
            .time_to_live(LIFETIME);
        Self(cache.build())
    }

    pub(super) fn get(&self, org: OrgId, id: CredentialId) -> Option<Arc<RelaySource>> {
        self.0.get(&(org, id))
    }

    pub(super) fn insert(&self, org: OrgId, source: Arc<RelaySource>) {
        let id = source.credential.sealed.id;
        self.0.insert((org, id), source);
    }
}

impl RelaySource {
    /// The source of a use. `policy` is that of `found`, opened.
    pub(super) fn new(found: &CredentialWithPolicy, policy: PolicyInfo) -> Self {
        let sealed = found
            .policy
            .policy
            .as_ref()
            .and_then(|row| row.sealed.as_ref());
        let of_policy = sealed.map_or(0, |sealed| sealed.sealed_blob.len() * OPENED_BYTES);
        let bytes = found.credential.sealed.sealed_blob.len() + of_policy + ENTRY_BYTES;
        Self {
            credential: found.credential.clone(),
            policy,
            used: UsedRows {
                id: found.credential.sealed.id,
                stamp: found.stamp.clone(),
            },
            weight: u32::try_from(bytes).unwrap_or(u32::MAX),
        }
    }
}
