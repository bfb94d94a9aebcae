//! Signatures: Ed25519 (RFC 8032 § 5.1).

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};

use crate::context::Context;
use crate::secret::SecretKey;

/// Length of a [`PublicKey`], in bytes (RFC 8032 § 5.1.5).
pub const PUBLIC_KEY_LEN: usize = 32;
/// Length of a [`Signature`], in bytes (RFC 8032 § 5.1.6).
pub const SIGNATURE_LEN: usize = 64;

/// A public key: an encoded point (RFC 8032 § 5.1.5).
pub type PublicKey = [u8; PUBLIC_KEY_LEN];
/// A signature: an encoded point and a scalar (RFC 8032 § 5.1.6).
pub type Signature = [u8; SIGNATURE_LEN];

/// A private key of Ed25519 (RFC 8032 § 5.1, without pre-hashing). It is wiped on drop.
pub struct Signer(SigningKey);

impl Signer {
    /// The signer with the private key `seed` (RFC 8032 § 5.1.5: 32 random bytes).
    #[must_use]
    pub fn new(seed: &SecretKey) -> Self {
        Self(SigningKey::from_bytes(seed.expose()))
    }

    /// The public key that verifies the signatures, for [`verify_signature`].
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.0.verifying_key().to_bytes()
    }

    /// Signs the bytes of `context` followed by `message`.
    #[must_use]
    pub fn sign(&self, context: &Context, message: &[u8]) -> Signature {
        self.0.sign(&signed_bytes(context, message)).to_bytes()
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Whether `signature` is a signature over `context` and `message` by the private key of `key`.
///
/// The check is strict: it refuses keys and points of small order, with which one signature can be
/// valid for several messages (RFC 8032 § 8.9 leaves this open). It also refuses a `signature` of
/// another length than [`SIGNATURE_LEN`].
#[must_use]
pub fn verify_signature(
    key: &PublicKey,
    context: &Context,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let (Ok(key), Ok(signature)) = (
        VerifyingKey::from_bytes(key),
        ed25519_dalek::Signature::from_slice(signature),
    ) else {
        return false;
    };
    key.verify_strict(&signed_bytes(context, message), &signature)
        .is_ok()
}

fn signed_bytes(context: &Context, message: &[u8]) -> Vec<u8> {
    [context.as_bytes(), message].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Purpose;

    fn signer(byte: u8) -> Signer {
        Signer::new(&SecretKey::from_slice(&[byte; 32]).unwrap())
    }

    /// RFC 8032 § 7.1, TEST 1: the public key of a known seed.
    #[test]
    fn the_public_key_is_that_of_rfc_8032() {
        let seed = data_encoding::HEXLOWER
            .decode(b"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
            .unwrap();
        let signer = Signer::new(&SecretKey::from_slice(&seed).unwrap());
        assert_eq!(
            data_encoding::HEXLOWER.encode(&signer.public_key()),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
    }

    #[test]
    fn a_signature_is_valid_only_for_its_key_context_and_message() {
        let (signer, other) = (signer(1), signer(2));
        let context = Context::new(Purpose::AuditHeads).i64(1);
        let signature = signer.sign(&context, b"message");
        let check = |key: &PublicKey, context: &Context, message: &[u8]| {
            verify_signature(key, context, message, &signature)
        };
        assert!(check(&signer.public_key(), &context, b"message"));
        assert!(!check(&other.public_key(), &context, b"message"));
        assert!(!check(&signer.public_key(), &context, b"messagf"));
        let there = Context::new(Purpose::AuditCheckpoint).i64(1);
        assert!(!check(&signer.public_key(), &there, b"message"));
        assert!(!verify_signature(
            &signer.public_key(),
            &context,
            b"message",
            &signature[..63]
        ));
        assert!(!verify_signature(&[0; 32], &context, b"message", &[0; 64]));
    }
}
