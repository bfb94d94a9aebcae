//! The text forms of what this service issues: API keys, OAuth 2.0 clients, access tokens and
//! sessions of the console.
//!
//! An id is the base32 encoding (RFC 4648, lower case, no padding) of the organization (16 bytes)
//! and the id in it (16 bytes). A secret is the base32 encoding of 32 random bytes, followed by
//! the CRC-32 of all preceding bytes. The checksum rejects typing errors without a query. It does
//! not protect against forgery; the 256 random bits do. All of it consists of `[a-z0-9_]`: clients
//! disagree on whether what HTTP Basic contains is encoded like a form first.

use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};
use strongroom_crypto::{CryptoError, RandomSource, SecretBytes, SecretString};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::ids::{KeyId, OrgId};

const ID_BYTES: usize = 32;
const SECRET_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 4;
/// The maximum length of a text, in bytes. Longer input is rejected without parsing.
const MAX_TEXT: usize = 160;

static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    #[allow(clippy::expect_used, reason = "a constant that the tests run")]
    spec.encoding().expect("a valid alphabet")
});

/// A token with its secret. Its text is `sr<KIND>_<id>_<secret>`.
#[derive(Debug)]
pub(crate) struct Token<const KIND: char> {
    pub(crate) org: OrgId,
    pub(crate) id: KeyId,
    pub(crate) secret: SecretBytes,
}

impl<const KIND: char> Token<KIND> {
    /// Generates a new token.
    ///
    /// # Errors
    /// [`CryptoError::Random`] if the random source fails.
    pub(crate) fn generate(
        org: OrgId,
        id: KeyId,
        random: &dyn RandomSource,
    ) -> Result<Self, CryptoError> {
        let secret = new_secret(random)?;
        Ok(Self { org, id, secret })
    }

    /// Parses the text of a token. Returns `None` if the text is not a valid one of this kind.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (head, secret) = split(text)?;
        let id = head.strip_prefix("sr")?.strip_prefix(KIND)?;
        let (org, id) = decode_id(id.strip_prefix('_')?)?;
        Some(Self { org, id, secret })
    }

    /// The text of the token.
    pub(crate) fn to_text(&self) -> SecretString {
        let id = encode_id(self.org, self.id);
        join(&format!("sr{KIND}_{id}"), &self.secret)
    }
}

/// The text of an id of `org`.
pub(crate) fn encode_id(org: OrgId, id: KeyId) -> String {
    let mut bytes = [0; ID_BYTES];
    bytes[..16].copy_from_slice(org.0.as_bytes());
    bytes[16..].copy_from_slice(id.0.as_bytes());
    BASE32.encode(&bytes)
}

/// The organization and the id of a text.
pub(crate) fn decode_id(text: &str) -> Option<(OrgId, KeyId)> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let bytes = BASE32.decode(text.as_bytes()).ok()?;
    if bytes.len() != ID_BYTES {
        return None;
    }
    let (org, id) = bytes.split_at(16);
    Some((
        OrgId(Uuid::from_slice(org).ok()?),
        KeyId(Uuid::from_slice(id).ok()?),
    ))
}

/// A new secret.
pub(crate) fn new_secret(random: &dyn RandomSource) -> Result<SecretBytes, CryptoError> {
    let mut secret = vec![0; SECRET_BYTES];
    random.fill(&mut secret)?;
    Ok(SecretBytes::new(secret))
}

/// `head`, an underscore, and the text of `secret`.
pub(crate) fn join(head: &str, secret: &SecretBytes) -> SecretString {
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES + CHECKSUM_BYTES));
    bytes.extend_from_slice(secret.expose());
    bytes.extend_from_slice(&checksum_of(head, secret.expose()));
    let secret = Zeroizing::new(BASE32.encode(&bytes));
    SecretString::new(format!("{head}_{}", *secret))
}

/// The head and the secret that [`join`] made a text of.
pub(crate) fn split(text: &str) -> Option<(&str, SecretBytes)> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let (head, secret) = text.rsplit_once('_')?;
    let bytes = Zeroizing::new(BASE32.decode(secret.as_bytes()).ok()?);
    if bytes.len() != SECRET_BYTES + CHECKSUM_BYTES {
        return None;
    }
    let (secret, checksum) = bytes.split_at(SECRET_BYTES);
    (checksum == checksum_of(head, secret)).then(|| (head, SecretBytes::new(secret.to_vec())))
}

fn checksum_of(head: &str, secret: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut crc = crc32fast::Hasher::new();
    crc.update(head.as_bytes());
    crc.update(secret);
    crc.finalize().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::OsRandom;

    use super::*;

    const ORG: OrgId = OrgId(Uuid::from_u128(7));
    const ID: KeyId = KeyId(Uuid::from_u128(8));

    #[test]
    fn the_text_of_a_token_round_trips_as_one_of_its_kind() {
        let token = Token::<'t'>::generate(ORG, ID, &OsRandom).unwrap();
        let text = token.to_text();
        assert!(text.expose().starts_with("srt_"));
        let parsed = Token::<'t'>::parse(text.expose()).unwrap();
        assert_eq!((parsed.org, parsed.id), (ORG, ID));
        assert_eq!(parsed.secret.expose(), token.secret.expose());
        assert!(Token::<'w'>::parse(text.expose()).is_none());
    }

    #[test]
    fn any_changed_character_is_refused() {
        let text = Token::<'t'>::generate(ORG, ID, &OsRandom)
            .unwrap()
            .to_text();
        for at in 0..text.expose().len() {
            let mut typo = text.expose().as_bytes().to_vec();
            typo[at] = if typo[at] == b'a' { b'b' } else { b'a' };
            let typo = String::from_utf8(typo).unwrap();
            assert!(
                Token::<'t'>::parse(&typo).is_none(),
                "a typo at {at} passed"
            );
        }
    }
}
