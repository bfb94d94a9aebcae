//! API keys: their text form, and the keyed digest that is stored.
//!
//! The text is `sr_<role>_<id>_<secret>`, with `key` for the role of a key that has permissions of
//! its own. `<id>` names the organization and the key; see [`crate::issued_text`].

pub mod end;
pub(crate) mod id;
pub mod limits;
pub mod refusal;

use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};
use strongroom_crypto::{
    Context, CryptoError, Digest, Purpose, RandomSource, SecretBytes, SecretKey, SecretString, mac,
    verify_mac,
};

use crate::api_key::end::ScheduledEnd;
use crate::api_key::limits::KeyLimits;
use crate::caller::OrgScope;
use crate::ids::{KeyId, OrgId};
use crate::issued_text;
use crate::permission::Role;

const PREFIX: &str = "sr";
/// Stands for the role of a key that has permissions of its own, also in the database.
pub const OWN_PERMISSIONS: &str = "key";

/// An API key with its secret.
#[derive(Debug)]
pub struct ApiKeyToken {
    org: OrgId,
    id: KeyId,
    /// `None` for a key with permissions of its own.
    role: Option<Role>,
    secret: SecretBytes,
}

/// An API key as stored in the database.
#[derive(Debug, Clone)]
pub struct StoredApiKey {
    /// The organization of the key.
    pub org: OrgId,
    /// The public id.
    pub id: KeyId,
    /// What it may do, and where. It takes precedence over the role in the token's text.
    pub limits: Arc<KeyLimits>,
    /// The name.
    pub name: String,
    /// Keyed digest over organization, id, limits, expiry and secret.
    pub digest: Vec<u8>,
    /// The time of issue.
    pub created_at: DateTime<Utc>,
    /// The time from which the key is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// The time of revocation.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The scheduled end.
    pub ends: Option<ScheduledEnd>,
    /// Whether the audit trail records a revocation that the row lacks. Known only of a key that
    /// was looked up to be used.
    pub revocation_undone: bool,
    /// The earliest scheduled end in the audit trail. Known only of a key that was looked up to be
    /// used.
    pub recorded_end: Option<String>,
}

impl ApiKeyToken {
    /// Generates a new key.
    ///
    /// # Errors
    /// [`CryptoError::Random`] if the random source fails.
    pub fn generate(
        org: OrgId,
        id: KeyId,
        role: Option<Role>,
        random: &dyn RandomSource,
    ) -> Result<Self, CryptoError> {
        Ok(Self {
            org,
            id,
            role,
            secret: issued_text::new_secret(random)?,
        })
    }

    /// Parses the text of a key. Returns `None` if the text is not a valid key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (head, secret) = issued_text::split(text)?;
        let mut parts = head.split('_');
        let (Some(PREFIX), Some(role), Some(id), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let (org, id) = issued_text::decode_id(id)?;
        Some(Self {
            org,
            id,
            role: match role {
                OWN_PERMISSIONS => None,
                role => Some(Role::parse(role)?),
            },
            secret,
        })
    }

    /// The text form of the key.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        let role = self.role.map_or(OWN_PERMISSIONS, Role::as_str);
        let id = issued_text::encode_id(self.org, self.id);
        issued_text::join(&format!("{PREFIX}_{role}_{id}"), &self.secret)
    }

    /// The organization that the key names.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The id that the key names.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The scope for the lookup of the key: only keys of that organization are queried.
    pub(crate) fn scope(&self) -> OrgScope {
        OrgScope::new(self.org)
    }

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
    use proptest::prelude::*;
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
    fn the_text_round_trips() {
        let token = token();
        let text = token.to_text();
        assert!(text.expose().starts_with("sr_admin_"));
        let parsed = ApiKeyToken::parse(text.expose()).unwrap();
        assert_eq!(
            (parsed.org, parsed.id, parsed.role),
            (token.org, token.id, token.role)
        );
        assert_eq!(parsed.secret.expose(), token.secret.expose());
    }

    #[test]
    fn any_changed_character_is_refused() {
        let text = token().to_text();
        for at in 0..text.expose().len() {
            let mut typo = text.expose().as_bytes().to_vec();
            typo[at] = if typo[at] == b'a' { b'b' } else { b'a' };
            let typo = String::from_utf8(typo).unwrap();
            assert!(ApiKeyToken::parse(&typo).is_none(), "a typo at {at} passed");
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

    proptest! {
        #[test]
        fn arbitrary_text_is_refused_without_panic(text: String) {
            prop_assert!(ApiKeyToken::parse(&text).is_none());
        }
    }
}
