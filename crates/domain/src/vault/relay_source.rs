//! What a use was planned with a moment ago.

use std::sync::Arc;

use crate::credential::StoredCredential;
use crate::ports::relay::ReadRows;
use crate::relay::policy_info::PolicyInfo;
use crate::relay::stored::CredentialWithPolicy;
use crate::vault::row_cache::Cached;

/// Bytes of an opened policy for each byte of a sealed one, roughly.
const OPENED_BYTES: usize = 4;

/// A sealed credential, and the policy by which it is used.
pub(super) struct RelaySource {
    pub(super) credential: Arc<StoredCredential>,
    pub(super) policy: PolicyInfo,
    /// The rows that a use is recorded with.
    pub(super) used: ReadRows,
    bytes: usize,
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
        Self {
            credential: found.credential.clone(),
            policy,
            used: ReadRows {
                id: found.credential.sealed.id,
                stamp: found.stamp.clone(),
            },
            bytes: found.credential.sealed.sealed_blob.len() + of_policy,
        }
    }
}

impl Cached for RelaySource {
    fn bytes(&self) -> usize {
        self.bytes
    }
}
