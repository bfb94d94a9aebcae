//! Access tokens: their text form, and the keyed digest that is stored.
//!
//! The text is `srt_<id>_<secret>`; see [`crate::issued_text`].

use chrono::{DateTime, Utc};
use strongroom_crypto::{
    Context, CryptoError, Digest, Purpose, RandomSource, SecretBytes, SecretKey, SecretString, mac,
    verify_mac,
};

use crate::ids::{KeyId, OrgId};
use crate::issued_text;
use crate::permission::PermissionSet;

const PREFIX: &str = "srt";

/// An access token with its secret.
#[derive(Debug)]
pub struct AccessToken {
    org: OrgId,
    id: KeyId,
    secret: SecretBytes,
}

/// An access token as stored in the database. Its digest covers all of it.
#[derive(Debug, Clone)]
pub struct StoredToken {
    /// The organization of its client.
    pub org: OrgId,
    /// The id.
    pub id: KeyId,
    /// The client to which it was issued.
    pub client: KeyId,
    /// What it allows, as far as the client has it.
    pub scopes: PermissionSet,
    /// The time of issue.
    pub issued_at: DateTime<Utc>,
    /// The time from which it is refused.
    pub expires_at: DateTime<Utc>,
    /// Keyed digest over all of the above and the secret.
    pub digest: Vec<u8>,
    /// Whether the audit trail records its issue.
    pub issued: bool,
    /// Whether the audit trail records its revocation, which deleted its row.
    pub revoked: bool,
}

impl AccessToken {
    /// Generates a new token.
    ///
    /// # Errors
    /// [`CryptoError::Random`] if the random source fails.
    pub(crate) fn generate(
        org: OrgId,
        id: KeyId,
        random: &dyn RandomSource,
    ) -> Result<Self, CryptoError> {
        let secret = issued_text::new_secret(random)?;
        Ok(Self { org, id, secret })
    }

    /// Parses the text of a token. Returns `None` if the text is not a valid token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (head, secret) = issued_text::split(text)?;
        let (PREFIX, id) = head.split_once('_')? else {
            return None;
        };
        let (org, id) = issued_text::decode_id(id)?;
        Some(Self { org, id, secret })
    }

    /// The text of the token.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        let id = issued_text::encode_id(self.org, self.id);
        issued_text::join(&format!("{PREFIX}_{id}"), &self.secret)
    }

    /// The organization that the token names.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The id that the token names.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The digest to store in `row`.
    pub(crate) fn digest(&self, key: &SecretKey, row: &StoredToken) -> Digest {
        mac(key, &row.context(), self.secret.expose())
    }

    /// Whether `stored` is the row of this token, as it was issued. Takes the same time whether
    /// `stored` is the row of another secret or absent.
    #[must_use]
    pub fn matches(&self, key: &SecretKey, stored: Option<&StoredToken>) -> bool {
        let context = stored.map_or_else(|| self.absent().context(), StoredToken::context);
        let digest = stored.map_or(&[0; 32][..], |stored| &stored.digest);
        let matches = verify_mac(key, &context, self.secret.expose(), digest);
        std::hint::black_box(matches) && stored.is_some()
    }

    /// What an absent row is compared with.
    fn absent(&self) -> StoredToken {
        StoredToken {
            org: self.org,
            id: self.id,
            client: self.id,
            scopes: PermissionSet::default(),
            issued_at: DateTime::UNIX_EPOCH,
            expires_at: DateTime::UNIX_EPOCH,
            digest: Vec::new(),
            issued: false,
            revoked: false,
        }
    }
}

impl StoredToken {
    fn context(&self) -> Context {
        Context::new(Purpose::AccessToken)
            .uuid(self.org.0)
            .uuid(self.id.0)
            .uuid(self.client.0)
            .bytes(self.scopes.to_scope().as_bytes())
            .i64(self.issued_at.timestamp_micros())
            .i64(self.expires_at.timestamp_micros())
    }
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::OsRandom;
    use uuid::Uuid;

    use super::*;
    use crate::permission::Permission;

    #[test]
    fn a_digest_binds_everything_in_the_row() {
        let key = SecretKey::from_slice(&[1; 32]).unwrap();
        let [org, id, client] = [1, 2, 3].map(Uuid::from_u128);
        let issued = AccessToken::generate(OrgId(org), KeyId(id), &OsRandom).unwrap();
        let token = AccessToken::parse(issued.to_text().expose()).unwrap();
        let mut row = StoredToken {
            client: KeyId(client),
            scopes: [Permission::CredentialsList].into_iter().collect(),
            ..token.absent()
        };
        row.digest = issued.digest(&key, &row).to_vec();
        assert!(token.matches(&key, Some(&row)) && !token.matches(&key, None));
        let other = AccessToken::generate(OrgId(org), KeyId(id), &OsRandom).unwrap();
        assert!(!other.matches(&key, Some(&row)));
        let changes: [fn(&mut StoredToken); 6] = [
            |row| row.org = OrgId(row.client.0),
            |row| row.id = row.client,
            |row| row.client = row.id,
            |row| row.scopes = Permission::ALL.iter().copied().collect(),
            |row| row.issued_at += chrono::TimeDelta::microseconds(1),
            |row| row.expires_at += chrono::TimeDelta::microseconds(1),
        ];
        for (at, change) in changes.iter().enumerate() {
            let mut changed = row.clone();
            change(&mut changed);
            assert!(!token.matches(&key, Some(&changed)), "change {at}");
        }
    }

    #[test]
    fn any_changed_character_is_refused() {
        let id = KeyId(Uuid::from_u128(8));
        let token = AccessToken::generate(OrgId(id.0), id, &OsRandom).unwrap();
        let text = token.to_text();
        for at in 0..text.expose().len() {
            let mut typo = text.expose().as_bytes().to_vec();
            typo[at] = if typo[at] == b'a' { b'b' } else { b'a' };
            let typo = String::from_utf8(typo).unwrap();
            assert!(AccessToken::parse(&typo).is_none(), "a typo at {at} passed");
        }
    }
}
