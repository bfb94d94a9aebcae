//! The scheduled end of an API key.

use chrono::{DateTime, Utc};
use strongroom_crypto::{Context, Purpose, SecretKey, mac, verify_mac};

use crate::ids::{KeyId, OrgId};

/// The time from which a key is refused, if its end was scheduled after its issue. The digest of
/// the key cannot cover it, since making that requires the key's secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledEnd {
    /// The time.
    pub at: DateTime<Utc>,
    /// The keyed digest over the key and the time.
    pub proof: Vec<u8>,
}

impl ScheduledEnd {
    /// The end of the key `id` of `org` at the time `at`.
    #[must_use]
    pub fn new(key: &SecretKey, org: OrgId, id: KeyId, at: DateTime<Utc>) -> Self {
        let proof = mac(key, &context(org, id, at), &[]).to_vec();
        Self { at, proof }
    }

    /// Whether [`Self::new`] made this for the key.
    pub(super) fn is_proved(&self, key: &SecretKey, org: OrgId, id: KeyId) -> bool {
        verify_mac(key, &context(org, id, self.at), &[], &self.proof)
    }
}

fn context(org: OrgId, id: KeyId, at: DateTime<Utc>) -> Context {
    Context::new(Purpose::ApiKeyEnd)
        .uuid(org.0)
        .uuid(id.0)
        .i64(at.timestamp_micros())
}
