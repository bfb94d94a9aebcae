//! Access tokens: their text form, and the keyed digest that is stored.
//!
//! The text is `srt_<id>_<secret>`; see [`crate::issued_text`].

use chrono::{DateTime, Utc};
use strongroom_crypto::{Context, Digest, Purpose, SecretKey, mac, verify_mac};

use crate::ids::{KeyId, OrgId};
use crate::issued_text::Token;
use crate::permission::PermissionSet;

/// An access token with its secret.
pub(crate) type AccessToken = Token<'t'>;

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
    /// The digest to store in `row`.
    pub(crate) fn digest(&self, key: &SecretKey, row: &StoredToken) -> Digest {
        mac(key, &row.context(), self.secret.expose())
    }

    /// Whether `stored` is the row of this token, as it was issued. Takes the same time whether
    /// `stored` is the row of another secret or absent.
    pub(crate) fn matches(&self, key: &SecretKey, stored: Option<&StoredToken>) -> bool {
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
}
