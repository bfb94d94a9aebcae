//! API keys: their text form, and the keyed digest that is stored.
//!
//! The text is `sr_<role>_<id>_<secret>`. `<id>` is the base32 encoding (RFC 4648, lower case, no
//! padding) of the organization (16 bytes) and the key id (16 bytes). `<secret>` is the base32
//! encoding of 32 random bytes, followed by the CRC-32 of all preceding bytes. The checksum rejects
//! typing errors without a query. It does not protect against forgery; the 256 random bits do.

pub(crate) mod id;
pub mod refusal;

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use data_encoding::{Encoding, Specification};
use strongroom_crypto::{
    Context, CryptoError, Digest, Purpose, RandomSource, SecretBytes, SecretKey, SecretString, mac,
    verify_mac,
};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::caller::{OrgScope, Role};
use crate::ids::{KeyId, OrgId};

const PREFIX: &str = "sr";
const ID_BYTES: usize = 32;
const SECRET_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 4;
/// The maximum length of a key, in bytes. Longer input is rejected without parsing.
const MAX_TEXT: usize = 160;

static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    #[allow(clippy::expect_used, reason = "a constant that the tests run")]
    spec.encoding().expect("a valid alphabet")
});

/// An API key with its secret.
#[derive(Debug)]
pub struct ApiKeyToken {
    org: OrgId,
    id: KeyId,
    role: Role,
    secret: SecretBytes,
}

/// An API key as stored in the database.
#[derive(Debug, Clone)]
pub struct StoredApiKey {
    /// The organization of the key.
    pub org: OrgId,
    /// The public id.
    pub id: KeyId,
    /// The role. It takes precedence over the role in the token's text.
    pub role: Role,
    /// The name.
    pub name: String,
    /// Keyed digest over organization, id, role, expiry and secret.
    pub digest: Vec<u8>,
    /// The time of issue.
    pub created_at: DateTime<Utc>,
    /// The time from which the key is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// The time of revocation.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Whether the audit trail records a revocation that the row lacks. Known only of a key that
    /// was looked up to be used.
    pub revocation_undone: bool,
}

impl ApiKeyToken {
    /// Generates a new key.
    ///
    /// # Errors
    /// [`CryptoError::Random`] if the random source fails.
    pub fn generate(
        org: OrgId,
        id: KeyId,
        role: Role,
        random: &dyn RandomSource,
    ) -> Result<Self, CryptoError> {
        let mut secret = vec![0; SECRET_BYTES];
        random.fill(&mut secret)?;
        let secret = SecretBytes::new(secret);
        Ok(Self {
            org,
            id,
            role,
            secret,
        })
    }

    /// Parses the text of a key. Returns `None` if the text is not a valid key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let (head, secret_text) = text.rsplit_once('_')?;
        let mut parts = head.split('_');
        let (Some(PREFIX), Some(role), Some(id), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let id = BASE32.decode(id.as_bytes()).ok()?;
        let secret = Zeroizing::new(BASE32.decode(secret_text.as_bytes()).ok()?);
        if id.len() != ID_BYTES || secret.len() != SECRET_BYTES + CHECKSUM_BYTES {
            return None;
        }
        let (secret, checksum) = secret.split_at(SECRET_BYTES);
        if checksum != checksum_of(head, secret) {
            return None;
        }
        Some(Self {
            org: OrgId(Uuid::from_slice(&id[..16]).ok()?),
            id: KeyId(Uuid::from_slice(&id[16..]).ok()?),
            role: Role::parse(role)?,
            secret: SecretBytes::new(secret.to_vec()),
        })
    }

    /// The text form of the key.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        let mut id = [0; ID_BYTES];
        id[..16].copy_from_slice(self.org.0.as_bytes());
        id[16..].copy_from_slice(self.id.0.as_bytes());
        let head = format!("{PREFIX}_{}_{}", self.role.as_str(), BASE32.encode(&id));
        let mut secret = Zeroizing::new(Vec::with_capacity(SECRET_BYTES + CHECKSUM_BYTES));
        secret.extend_from_slice(self.secret.expose());
        secret.extend_from_slice(&checksum_of(&head, self.secret.expose()));
        let secret = Zeroizing::new(BASE32.encode(&secret));
        SecretString::new(format!("{head}_{}", *secret))
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

    /// The digest that is stored for a key with this `role` and expiry.
    #[must_use]
    pub fn digest(&self, key: &SecretKey, role: Role, expires_at: Option<DateTime<Utc>>) -> Digest {
        let context = digest_context(self.org, self.id, role, expires_at);
        mac(key, &context, self.secret.expose())
    }

    /// Whether `stored` is the row of this key, with the role and expiry of its issue. Takes the
    /// same time whatever `stored` is, so that an unknown id takes as long as a wrong secret.
    #[must_use]
    pub fn matches(&self, key: &SecretKey, stored: Option<&StoredApiKey>) -> bool {
        let (role, expires_at) = match stored {
            Some(stored) => (stored.role, stored.expires_at),
            None => (self.role, None),
        };
        let (org, id) = stored.map_or((self.org, self.id), |stored| (stored.org, stored.id));
        let digest = stored.map_or(&[0; 32][..], |stored| &stored.digest);
        let context = digest_context(org, id, role, expires_at);
        let matches = verify_mac(key, &context, self.secret.expose(), digest);
        std::hint::black_box(matches) && stored.is_some()
    }
}

// The digest binds organization, id, role and expiry. Otherwise, a party with write access to the
// table could copy a digest into another organization's row, or promote a member to admin.
fn digest_context(org: OrgId, id: KeyId, role: Role, expires_at: Option<DateTime<Utc>>) -> Context {
    Context::new(Purpose::ApiKeyDigest)
        .uuid(org.0)
        .uuid(id.0)
        .u8(role.code())
        .i64(expires_at.map_or(i64::MAX, |at| at.timestamp_micros()))
}

fn checksum_of(head: &str, secret: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut crc = crc32fast::Hasher::new();
    crc.update(head.as_bytes());
    crc.update(secret);
    crc.finalize().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use strongroom_crypto::OsRandom;

    use super::*;

    fn token() -> ApiKeyToken {
        let (org, id) = (OrgId(Uuid::from_u128(7)), KeyId(Uuid::from_u128(8)));
        ApiKeyToken::generate(org, id, Role::Admin, &OsRandom).unwrap()
    }

    fn stored(token: &ApiKeyToken, key: &SecretKey) -> StoredApiKey {
        StoredApiKey {
            org: token.org,
            id: token.id,
            role: token.role,
            name: "n".into(),
            digest: token.digest(key, token.role, None).to_vec(),
            created_at: DateTime::UNIX_EPOCH,
            expires_at: None,
            revoked_at: None,
            revocation_undone: false,
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
        promoted.role = Role::Member;
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
