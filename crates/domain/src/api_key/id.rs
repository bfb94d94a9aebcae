//! Ids of API keys, with a tag that shows that this service issued them.

use chrono::{DateTime, Utc};
use strongroom_crypto::{Context, CryptoError, Purpose, RandomSource, SecretKey, mac};
use uuid::Uuid;

use crate::ids::{KeyId, OrgId};

/// The number of bytes of a key's id that the tag covers. The remaining bytes are the tag.
const TAGGED: usize = 10;

impl KeyId {
    /// A new id for a key of `org`: UUID version 7, whose last 6 bytes are a tag. The tag
    /// distinguishes issued ids from invented ones without a query. It grants no rights.
    ///
    /// # Errors
    /// [`CryptoError::Random`] if the random source fails.
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

    /// Whether this service issued the id to `org`. Returns `false` for ids that were issued before
    /// tags existed.
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

#[cfg(test)]
mod tests {
    use strongroom_crypto::OsRandom;

    use super::*;

    #[test]
    fn an_issued_id_is_recognized_for_its_organization_only() {
        let key = SecretKey::from_slice(&[1; 32]).unwrap();
        let other_key = SecretKey::from_slice(&[2; 32]).unwrap();
        let (org, other_org) = (OrgId(Uuid::from_u128(7)), OrgId(Uuid::from_u128(8)));
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let id = KeyId::issue(&key, org, now, &OsRandom).unwrap();
        assert_eq!(id.0.get_version_num(), 7);
        assert!(id.was_issued(&key, org));
        assert!(!id.was_issued(&key, other_org) && !id.was_issued(&other_key, org));
        for bit in 0..128 {
            let altered = KeyId(Uuid::from_u128(id.0.as_u128() ^ (1 << bit)));
            assert!(!altered.was_issued(&key, org), "bit {bit}");
        }
        let invented = KeyId::new(now, &OsRandom).unwrap();
        assert!(!invented.was_issued(&key, org));
    }
}
