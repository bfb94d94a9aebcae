//! OAuth 2.0 clients: their ids and secrets, and the stored row with its proof.
//!
//! The id is `src_<id>` and the secret is `srs_<secret>`; see [`crate::issued_text`].

use std::sync::Arc;

use chrono::{DateTime, Utc};
use strongroom_crypto::{
    Context, CryptoError, Digest, Purpose, RandomSource, SecretBytes, SecretKey, SecretString, mac,
    verify_mac,
};

use crate::api_key::limits::KeyLimits;
use crate::ids::{KeyId, OrgId};
use crate::issued_text;

const ID_PREFIX: &str = "src_";
const SECRET_PREFIX: &str = "srs";

/// The least and the most seconds for which an access token is valid.
pub const TOKEN_DURATIONS: (i64, i64) = (1, 30 * 24 * 3600);
/// The default number of seconds for which an access token is valid.
pub const DEFAULT_TOKEN_DURATION: i64 = 24 * 3600;

/// The text of the client's id.
#[must_use]
pub fn client_id(org: OrgId, id: KeyId) -> String {
    format!("{ID_PREFIX}{}", issued_text::encode_id(org, id))
}

/// Parses the text of a client's id.
#[must_use]
pub fn parse_client_id(text: &str) -> Option<(OrgId, KeyId)> {
    issued_text::decode_id(text.strip_prefix(ID_PREFIX)?)
}

/// The id and secret of a client, as it presents them.
#[derive(Debug)]
pub struct ClientCredentials {
    org: OrgId,
    id: KeyId,
    secret: SecretBytes,
}

/// A client as stored in the database.
#[derive(Debug, Clone)]
pub struct StoredClient {
    /// The organization of the client.
    pub org: OrgId,
    /// The id. It stands for the client in last-used times and audit events.
    pub id: KeyId,
    /// The name.
    pub name: String,
    /// What it may do, and where.
    pub limits: Arc<KeyLimits>,
    /// The number of seconds for which its access tokens are valid.
    pub access_token_duration: i64,
    /// The time of its creation.
    pub created_at: DateTime<Utc>,
    /// The version, which every change increases.
    pub version: i64,
    /// Keyed digest over organization, id and secret.
    pub digest: Vec<u8>,
    /// Keyed digest over all of the above.
    pub proof: Vec<u8>,
    /// The newest version in the audit trail; `None` if no event names the client.
    pub recorded_version: Option<i64>,
    /// Whether an event recorded this version with this proof.
    pub recorded: bool,
}

impl ClientCredentials {
    /// New ones, with a random secret.
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

    /// Parses the text of an id and of a secret. Returns `None` if either is invalid.
    #[must_use]
    pub fn parse(id: &str, secret: &str) -> Option<Self> {
        let (org, id) = parse_client_id(id)?;
        let (SECRET_PREFIX, secret) = issued_text::split(secret)? else {
            return None;
        };
        Some(Self { org, id, secret })
    }

    /// The text of the secret.
    #[must_use]
    pub fn secret_text(&self) -> SecretString {
        issued_text::join(SECRET_PREFIX, &self.secret)
    }

    /// The organization that the id names.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The client that the id names.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The digest that is stored.
    pub(crate) fn digest(&self, key: &SecretKey) -> Digest {
        mac(
            key,
            &secret_context(self.org, self.id),
            self.secret.expose(),
        )
    }

    /// Whether the secret is that of `stored`. Takes the same time whether `stored` has another
    /// secret or is absent.
    #[must_use]
    pub fn matches(&self, key: &SecretKey, stored: Option<&StoredClient>) -> bool {
        let digest = stored.map_or(&[0; 32][..], |stored| &stored.digest);
        let (org, id) = stored.map_or((self.org, self.id), |stored| (stored.org, stored.id));
        let matches = verify_mac(key, &secret_context(org, id), self.secret.expose(), digest);
        std::hint::black_box(matches) && stored.is_some()
    }
}

impl StoredClient {
    /// The text of the id.
    #[must_use]
    pub fn client_id(&self) -> String {
        client_id(self.org, self.id)
    }

    /// The same client with the proof of its settings.
    pub(crate) fn proved(mut self, key: &SecretKey) -> serde_json::Result<Self> {
        self.proof = mac(key, &self.context()?, &[]).to_vec();
        Ok(self)
    }

    /// The proof, for the audit event of this version.
    pub(crate) fn proof(&self) -> Option<Digest> {
        self.proof.as_slice().try_into().ok()
    }

    /// Whether the row is what a server wrote last. A party that can write to the database can
    /// neither change it nor put an earlier one back: the audit trail has the newest version.
    #[must_use]
    pub fn is_current(&self, key: &SecretKey) -> bool {
        let proves = |context: Context| verify_mac(key, &context, &[], &self.proof);
        self.recorded
            && self.recorded_version == Some(self.version)
            && self.context().is_ok_and(proves)
    }

    fn context(&self) -> serde_json::Result<Context> {
        Ok(Context::new(Purpose::Client)
            .uuid(self.org.0)
            .uuid(self.id.0)
            .bytes(self.name.as_bytes())
            .bytes(self.limits.to_text()?.as_bytes())
            .i64(self.access_token_duration)
            .i64(self.created_at.timestamp_micros())
            .i64(self.version)
            .bytes(&self.digest))
    }
}

fn secret_context(org: OrgId, id: KeyId) -> Context {
    Context::new(Purpose::ClientSecret).uuid(org.0).uuid(id.0)
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::OsRandom;
    use uuid::Uuid;

    use super::*;
    use crate::api_key::limits::OrganizationReach;
    use crate::permission::Permission;

    const ORG: OrgId = OrgId(Uuid::from_u128(7));
    const ID: KeyId = KeyId(Uuid::from_u128(8));

    fn key() -> SecretKey {
        SecretKey::from_slice(&[1; 32]).unwrap()
    }

    fn stored(credentials: &ClientCredentials) -> StoredClient {
        let scopes = [Permission::CredentialsList].into_iter().collect();
        let client = StoredClient {
            org: ORG,
            id: ID,
            name: "n".into(),
            limits: Arc::new(KeyLimits::of_permissions(scopes)),
            access_token_duration: 60,
            created_at: DateTime::UNIX_EPOCH,
            version: 2,
            digest: credentials.digest(&key()).to_vec(),
            proof: Vec::new(),
            recorded_version: Some(2),
            recorded: true,
        };
        client.proved(&key()).unwrap()
    }

    #[test]
    fn the_texts_round_trip_and_need_no_encoding() {
        let issued = ClientCredentials::generate(ORG, ID, &OsRandom).unwrap();
        let (id, secret) = (client_id(ORG, ID), issued.secret_text());
        let parsed = ClientCredentials::parse(&id, secret.expose()).unwrap();
        assert_eq!((parsed.org, parsed.id), (ORG, ID));
        assert!(parsed.matches(&key(), Some(&stored(&issued))));
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(id.chars().chain(secret.expose().chars()).all(is_plain));
        let other = ClientCredentials::generate(ORG, ID, &OsRandom).unwrap();
        assert!(!other.matches(&key(), Some(&stored(&issued))) && !parsed.matches(&key(), None));
        for (id, secret) in [("", ""), (&*id, "srs_a"), ("src_a", secret.expose())] {
            assert!(ClientCredentials::parse(id, secret).is_none(), "{id}");
        }
    }

    #[test]
    fn a_row_is_current_only_as_it_was_written_and_recorded() {
        let issued = ClientCredentials::generate(ORG, ID, &OsRandom).unwrap();
        assert!(stored(&issued).is_current(&key()));
        let changes: [fn(&mut StoredClient); 9] = [
            |row| row.org = OrgId(ID.0),
            |row| row.id = KeyId(ORG.0),
            |row| row.name.push('x'),
            |row| row.access_token_duration += 1,
            |row| row.version += 1,
            |row| row.digest[0] ^= 1,
            |row| row.recorded = false,
            |row| row.recorded_version = Some(3),
            |row| {
                let limits = KeyLimits::clone(&row.limits);
                let organizations = OrganizationReach::Descendants;
                row.limits = Arc::new(KeyLimits {
                    organizations,
                    ..limits
                });
            },
        ];
        for (at, change) in changes.iter().enumerate() {
            let mut row = stored(&issued);
            change(&mut row);
            assert!(!row.is_current(&key()), "change {at}");
        }
    }
}
