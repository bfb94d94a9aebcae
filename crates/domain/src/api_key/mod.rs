//! API keys: their text form, and the keyed digest that is stored.
//!
//! The text is `sr_<role>_<id>_<secret>`, with `key` for the role of a key that has permissions of
//! its own. `<id>` names the organization and the key; see [`crate::issued_text`].

pub(crate) mod digest;
pub mod end;
pub(crate) mod id;
pub mod limits;
pub mod reach;
pub mod refusal;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use strongroom_crypto::{CryptoError, RandomSource, SecretBytes, SecretString};

use crate::api_key::end::ScheduledEnd;
use crate::api_key::limits::KeyLimits;
use crate::ids::{KeyId, OrgId};
use crate::issued_text;
use crate::permission::Role;
use crate::scope::OrgScope;

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

impl StoredApiKey {
    /// The time from which the key is refused, according to its row: its expiry or its scheduled
    /// end, whichever is earlier.
    #[must_use]
    pub fn end(&self) -> Option<DateTime<Utc>> {
        let scheduled = self.ends.as_ref().map(|end| end.at);
        scheduled.into_iter().chain(self.expires_at).min()
    }
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
}

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

    proptest! {
        #[test]
        fn arbitrary_text_is_refused_without_panic(text: String) {
            prop_assert!(ApiKeyToken::parse(&text).is_none());
        }
    }
}
