//! API keys: their text form, and the keyed digest that is stored of them.
//!
//! Text: `sr_<role>_<id>_<secret>`, where `<id>` is base32 (RFC 4648, lower case, no padding) of
//! organization (16 bytes) and key id (16 bytes), and `<secret>` is base32 of 32 random bytes followed by
//! the CRC-32 of all that comes before it. The checksum refuses typing errors without a query; it is no
//! protection against forgery, which the 256 random bits are.

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
/// No key is longer, in bytes; anything longer is refused unread.
const MAX_TEXT: usize = 160;

static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    #[allow(clippy::expect_used, reason = "a constant that the tests run")]
    spec.encoding().expect("a valid alphabet")
});

/// Bytes of a key's id that its tag is made of; the others are the tag.
const TAGGED: usize = 10;

impl KeyId {
    /// A new id for a key of `org`: UUID version 7, whose last 6 bytes are a tag. The tag tells, without a query,
    /// an id that was issued from one that somebody made up. It gives no right.
    ///
    /// # Errors
    /// [`CryptoError::Random`] when there is no randomness to be had.
    pub(crate) fn issue(
        key: &SecretKey,
        org: OrgId,
        now: DateTime<Utc>,
        random: &dyn RandomSource,
    ) -> Result<Self, CryptoError> {
        let mut bytes = Self::new(now, random)?.0.into_bytes();
        let tag = id_tag(key, org, &bytes);
        bytes[TAGGED..].copy_from_slice(&tag);
        Ok(Self(Uuid::from_bytes(bytes)))
    }

    /// Whether this service issued the id to `org`. Ids from before there were tags look as if it had not.
    pub(crate) fn was_issued(self, key: &SecretKey, org: OrgId) -> bool {
        let bytes = self.0.into_bytes();
        bytes[TAGGED..] == id_tag(key, org, &bytes)
    }
}

fn id_tag(key: &SecretKey, org: OrgId, bytes: &[u8; 16]) -> [u8; 6] {
    let context = Context::new(Purpose::ApiKeyId).uuid(org.0);
    let digest = mac(key, &context, &bytes[..TAGGED]);
    let mut tag = [0; 6];
    tag.copy_from_slice(&digest[..6]);
    tag
}

/// An API key as its holder knows it.
#[derive(Debug)]
pub struct ApiKeyToken {
    org: OrgId,
    id: KeyId,
    role: Role,
    secret: SecretBytes,
}

/// An API key as the database holds it.
#[derive(Debug, Clone)]
pub struct StoredApiKey {
    /// The organization it belongs to.
    pub org: OrgId,
    /// Its public id.
    pub id: KeyId,
    /// What it may do; this is the role that counts, whatever the token's text says.
    pub role: Role,
    /// What people call it.
    pub name: String,
    /// Keyed digest over organization, id, role, expiry and secret.
    pub digest: Vec<u8>,
    /// When it was issued.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// Since when it is revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl ApiKeyToken {
    /// A new key.
    ///
    /// # Errors
    /// [`CryptoError::Random`] when there is no randomness to be had.
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

    /// Reads a key's text; `None` when it cannot be one that was ever issued.
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

    /// The text that its holder sends.
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

    /// The organization that the key claims.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The id that the key claims.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The scope in which the claim can be looked up: nothing but that organization's keys is asked for.
    pub(crate) fn scope(&self) -> OrgScope {
        OrgScope::new(self.org)
    }

    /// The digest to store for a key of this `role` and expiry.
    #[must_use]
    pub fn digest(&self, key: &SecretKey, role: Role, expires_at: Option<DateTime<Utc>>) -> Digest {
        let context = digest_context(self.org, self.id, role, expires_at);
        mac(key, &context, self.secret.expose())
    }

    /// Whether `stored` is this very key, with the role and expiry it was issued with. Constant time.
    #[must_use]
    pub fn matches(&self, key: &SecretKey, stored: &StoredApiKey) -> bool {
        let context = digest_context(stored.org, stored.id, stored.role, stored.expires_at);
        verify_mac(key, &context, self.secret.expose(), &stored.digest)
    }

    /// Takes as long as [`Self::matches`] does, for nothing: an unknown id shall cost what a wrong
    /// secret costs.
    pub(crate) fn match_nothing(&self, key: &SecretKey) {
        let context = digest_context(self.org, self.id, self.role, None);
        std::hint::black_box(verify_mac(key, &context, self.secret.expose(), &[0; 32]));
    }
}

// Organization, id, role and expiry are bound, or whoever may write the table could copy a digest into
// another organization's row, or make a member an admin.
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
    fn an_id_tells_whether_and_to_whom_it_was_issued() {
        let key = SecretKey::from_slice(&[1; 32]).unwrap();
        let other = SecretKey::from_slice(&[2; 32]).unwrap();
        let (org, stranger) = (OrgId(Uuid::from_u128(7)), OrgId(Uuid::from_u128(8)));
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let id = KeyId::issue(&key, org, now, &OsRandom).unwrap();
        assert_eq!(id.0.get_version_num(), 7);
        assert!(id.was_issued(&key, org));
        assert!(!id.was_issued(&key, stranger) && !id.was_issued(&other, org));
        for bit in 0..128 {
            let altered = KeyId(Uuid::from_u128(id.0.as_u128() ^ (1 << bit)));
            assert!(!altered.was_issued(&key, org), "bit {bit}");
        }
        let made_up = KeyId::new(now, &OsRandom).unwrap();
        assert!(!made_up.was_issued(&key, org));
    }

    #[test]
    fn a_digest_binds_organization_id_role_and_expiry() {
        let key = SecretKey::from_slice(&[1; 32]).unwrap();
        let token = token();
        let row = stored(&token, &key);
        assert!(token.matches(&key, &row));
        let mut moved = row.clone();
        moved.org = OrgId(Uuid::from_u128(99));
        let mut renamed = row.clone();
        renamed.id = KeyId(Uuid::from_u128(99));
        let mut promoted = row.clone();
        promoted.role = Role::Member;
        let mut extended = row.clone();
        extended.expires_at = Some(DateTime::UNIX_EPOCH);
        for row in [moved, renamed, promoted, extended] {
            assert!(!token.matches(&key, &row));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_refused_without_panic(text: String) {
            prop_assert!(ApiKeyToken::parse(&text).is_none());
        }
    }
}
