//! Keyed digests: HMAC-SHA-256 (RFC 2104, FIPS 198-1).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::context::Context;
use crate::secret::{KEY_LEN, SecretKey};

/// Length of a block of SHA-256, in bytes (FIPS 180-4 § 1).
const SHA256_BLOCK_LEN: usize = 64;

/// Length of a [`Digest`], in bytes: the output of SHA-256, not truncated.
pub const DIGEST_LEN: usize = 32;

/// A keyed digest, as [`mac`] computes it.
pub type Digest = [u8; DIGEST_LEN];

fn hmac(key: &SecretKey, context: &Context, message: &[u8]) -> Hmac<Sha256> {
    // HMAC pads a key that is shorter than a block with zeros (RFC 2104 § 2).
    let mut block = Zeroizing::new([0; SHA256_BLOCK_LEN]);
    block[..KEY_LEN].copy_from_slice(key.expose());
    let mut hmac = Hmac::<Sha256>::new((&*block).into());
    // The purpose of a context determines its fields, so the message needs no separator.
    hmac.update(context.as_bytes());
    hmac.update(message);
    hmac
}

/// Computes HMAC-SHA-256 (RFC 2104, FIPS 198-1) over the bytes of `context` and then `message`.
#[must_use]
pub fn mac(key: &SecretKey, context: &Context, message: &[u8]) -> Digest {
    hmac(key, context, message).finalize().into_bytes().into()
}

/// Whether `expected` equals [`mac`] of the same arguments. The comparison takes constant time. An
/// `expected` of another length than [`DIGEST_LEN`] is refused.
#[must_use]
pub fn verify_mac(key: &SecretKey, context: &Context, message: &[u8], expected: &[u8]) -> bool {
    hmac(key, context, message).verify_slice(expected).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Purpose;

    /// Computed by `printf 'SR\\x07\\x01message' | openssl mac -digest SHA256 -macopt
    /// hexkey:0101…01 HMAC`.
    #[test]
    fn a_short_key_is_padded_with_zeros() {
        let key = SecretKey::from_slice(&[1; 32]).unwrap();
        let digest = mac(&key, &Context::new(Purpose::AuditEvent), b"message");
        assert_eq!(
            data_encoding::HEXLOWER.encode(&digest),
            "0732cfe047684898456e33b693fe038b9e761c889c4a7ef4d592c6ed6b347a38"
        );
    }

    #[test]
    fn a_digest_verifies_only_in_its_own_context() {
        let key = SecretKey::from_slice(&[1; 32]).unwrap();
        let here = Context::new(Purpose::ApiKeyDigest).i64(1);
        let there = Context::new(Purpose::ApiKeyDigest).i64(2);
        let digest = mac(&key, &here, b"message");
        assert!(verify_mac(&key, &here, b"message", &digest));
        assert!(!verify_mac(&key, &there, b"message", &digest));
        assert!(!verify_mac(&key, &here, b"messagf", &digest));
        assert!(!verify_mac(&key, &here, b"message", &digest[..31]));
    }
}
