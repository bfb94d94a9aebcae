//! The scheduled end of an API key.

use chrono::{DateTime, Utc};
use strongroom_crypto::{Context, Purpose, SecretKey, mac, verify_mac};

use crate::api_key::StoredApiKey;
use crate::audit::stored::format_time;
use crate::ids::{KeyId, OrgId};

/// The time from which a key is refused, if its end was scheduled after its issue. The digest of the
/// key cannot cover it, since making that requires the key's secret.
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
}

impl StoredApiKey {
    /// The scheduled end; `None` if there is none, or an error if the row, its proof and the audit
    /// trail differ.
    pub(crate) fn proved_end(&self, key: &SecretKey) -> Result<Option<DateTime<Utc>>, EndAltered> {
        match (&self.ends, &self.recorded_end) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(EndAltered),
            (Some(end), recorded) => {
                let proved = verify_mac(key, &context(self.org, self.id, end.at), &[], &end.proof);
                let time = format_time(end.at);
                let is_recorded = recorded.as_ref().is_none_or(|recorded| *recorded == time);
                (proved && is_recorded)
                    .then_some(Some(end.at))
                    .ok_or(EndAltered)
            }
        }
    }
}

/// The scheduled end of a key is not the one that was recorded.
#[derive(Debug)]
pub(crate) struct EndAltered;

fn context(org: OrgId, id: KeyId, at: DateTime<Utc>) -> Context {
    Context::new(Purpose::ApiKeyEnd)
        .uuid(org.0)
        .uuid(id.0)
        .i64(at.timestamp_micros())
}
