//! The digest of an API key, which binds it to its limits, and the proof of its scheduled end.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use strongroom_crypto::{Context, Digest, Purpose, SecretKey, mac, verify_mac};

use crate::api_key::end::ScheduledEnd;
use crate::api_key::limits::KeyLimits;
use crate::api_key::{ApiKeyToken, StoredApiKey};
use crate::audit::stored::format_time;
use crate::ids::{KeyId, OrgId};
use crate::permission::Role;

impl ApiKeyToken {
    /// The digest that is stored for a key with these `limits` and this expiry.
    ///
    /// # Errors
    /// If the limits cannot be serialized, which is a defect.
    pub fn digest(
        &self,
        key: &SecretKey,
        limits: &KeyLimits,
        expires_at: Option<DateTime<Utc>>,
    ) -> serde_json::Result<Digest> {
        let context = digest_context(self.org, self.id, limits, expires_at)?;
        Ok(mac(key, &context, self.secret.expose()))
    }

    /// Whether `stored` is the row of this key, with the limits and expiry of its issue. Takes the
    /// same time whether `stored` is the row of another secret or absent, so that an unknown id
    /// takes as long as a wrong secret.
    #[must_use]
    pub fn matches(&self, key: &SecretKey, stored: Option<&StoredApiKey>) -> bool {
        let context = match stored {
            Some(row) => digest_context(row.org, row.id, &row.limits, row.expires_at),
            None => digest_context(self.org, self.id, &ABSENT, None),
        };
        let digest = stored.map_or(&[0; 32][..], |stored| &stored.digest);
        let secret = self.secret.expose();
        let matches = context.is_ok_and(|context| verify_mac(key, &context, secret, digest));
        std::hint::black_box(matches) && stored.is_some()
    }
}

impl StoredApiKey {
    /// The scheduled end; `None` if there is none, or an error if the row, its proof and the audit
    /// trail differ.
    pub(crate) fn proved_end(&self, key: &SecretKey) -> Result<Option<DateTime<Utc>>, EndAltered> {
        let recorded = self.recorded_end.as_deref();
        proved_end(key, (self.org, self.id), self.ends.as_ref(), recorded)
    }
}

/// The scheduled end of a key according to its row; an error if the row, its proof and the earliest
/// end in the audit trail differ.
pub(crate) fn proved_end(
    key: &SecretKey,
    (org, id): (OrgId, KeyId),
    stored: Option<&ScheduledEnd>,
    recorded: Option<&str>,
) -> Result<Option<DateTime<Utc>>, EndAltered> {
    match (stored, recorded) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(EndAltered),
        (Some(end), recorded) => {
            let proved = end.is_proved(key, org, id);
            let time = format_time(end.at);
            let is_recorded = recorded.is_none_or(|recorded| *recorded == time);
            (proved && is_recorded)
                .then_some(Some(end.at))
                .ok_or(EndAltered)
        }
    }
}

/// The scheduled end of a key is not the one that was recorded.
#[derive(Debug)]
pub(crate) struct EndAltered;

/// The limits that an absent row is compared with.
static ABSENT: LazyLock<KeyLimits> = LazyLock::new(|| KeyLimits::of_role(Role::Admin));

// The digest binds organization, id, limits and expiry. Otherwise, a party with write access to the
// table could copy a digest into another organization's row, or widen the limits of a key. A role
// of the first version without further limits is encoded as it was then, so that its keys stay
// valid.
fn digest_context(
    org: OrgId,
    id: KeyId,
    limits: &KeyLimits,
    expires_at: Option<DateTime<Utc>>,
) -> serde_json::Result<Context> {
    let expires_at = expires_at.map_or(i64::MAX, |at| at.timestamp_micros());
    if let Some(role) = limits.plain_role() {
        let context = Context::new(Purpose::ApiKeyDigest).uuid(org.0).uuid(id.0);
        return Ok(context.u8(role.code()).i64(expires_at));
    }
    let context = Context::in_format(Purpose::ApiKeyDigest, LIMITS_FORMAT);
    Ok(context
        .uuid(org.0)
        .uuid(id.0)
        .u8(limits.role.map_or(0, Role::code))
        .bytes(limits.to_text()?.as_bytes())
        .i64(expires_at))
}

/// The format of digests that bind limits besides a role.
const LIMITS_FORMAT: u8 = 2;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use strongroom_crypto::OsRandom;
    use uuid::Uuid;

    use super::*;

    fn token() -> ApiKeyToken {
        let (org, id) = (OrgId(Uuid::from_u128(7)), KeyId(Uuid::from_u128(8)));
        ApiKeyToken::generate(org, id, Some(Role::Admin), &OsRandom).unwrap()
    }

    fn stored(token: &ApiKeyToken, key: &SecretKey) -> StoredApiKey {
        StoredApiKey {
            org: token.org,
            id: token.id,
            limits: Arc::new(KeyLimits::of_role(token.role.unwrap())),
            name: "n".into(),
            digest: token
                .digest(key, &KeyLimits::of_role(Role::Admin), None)
                .unwrap()
                .to_vec(),
            created_at: DateTime::UNIX_EPOCH,
            expires_at: None,
            revoked_at: None,
            ends: None,
            revocation_undone: false,
            recorded_end: None,
        }
    }

    #[test]
    fn a_digest_binds_organization_id_role_and_expiry() {
        let key = SecretKey::from_slice(&[1; 32]).unwrap();
        let token = token();
        let row = stored(&token, &key);
        assert!(token.matches(&key, Some(&row)));
        let mut moved = row.clone();
        moved.org = OrgId(Uuid::from_u128(99));
        let mut renamed = row.clone();
        renamed.id = KeyId(Uuid::from_u128(99));
        let mut promoted = row.clone();
        promoted.limits = Arc::new(KeyLimits::of_role(Role::Member));
        let mut extended = row.clone();
        extended.expires_at = Some(DateTime::UNIX_EPOCH);
        for row in [moved, renamed, promoted, extended] {
            assert!(!token.matches(&key, Some(&row)));
            assert!(!token.matches(&key, None));
        }
    }
}
