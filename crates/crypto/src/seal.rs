//! Sealing: authenticated encryption with AES-256-GCM (NIST SP 800-38D).

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};

use crate::context::Context;
use crate::error::CryptoError;
use crate::random::RandomSource;
use crate::secret::{SecretBytes, SecretKey};

/// Length of the shortest sealed value, in bytes (29): version, nonce and tag, without plaintext.
pub const MIN_SEALED_LEN: usize = 1 + NONCE_LEN + TAG_LEN;

/// The recommended length of a nonce, in bytes (SP 800-38D § 5.2.1.1).
const NONCE_LEN: usize = 12;
/// Length of a full, not truncated, tag, in bytes (SP 800-38D § 5.2.1.2).
const TAG_LEN: usize = 16;

/// Seals `plaintext` under `key` with AES-256-GCM (NIST SP 800-38D) and a random 96-bit nonce.
///
/// The `context` is the associated data: [`open`] requires the same one. Returns its version (1
/// byte), the nonce (12 bytes), the ciphertext (as long as the plaintext) and the tag (16 bytes).
/// With random nonces, a key may seal at most 2³² values (SP 800-38D § 8.3).
///
/// # Errors
/// [`CryptoError::Random`] if `random` returns no nonce. [`CryptoError::UnknownFormat`] if the
/// plaintext is longer than AES-GCM allows (SP 800-38D § 5.2.1.1: nearly 64 GiB).
pub fn seal(
    key: &SecretKey,
    context: &Context,
    plaintext: &[u8],
    random: &dyn RandomSource,
) -> Result<Vec<u8>, CryptoError> {
    let mut nonce = [0; NONCE_LEN];
    random.fill(&mut nonce)?;
    let ciphertext = encrypt(key, context.as_bytes(), plaintext, nonce)?;
    let mut sealed = Vec::with_capacity(1 + NONCE_LEN + ciphertext.len());
    sealed.push(context.format());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&ciphertext);
    Ok(sealed)
}

/// The ciphertext and the tag.
fn encrypt(
    key: &SecretKey,
    associated: &[u8],
    plaintext: &[u8],
    nonce: [u8; NONCE_LEN],
) -> Result<Vec<u8>, CryptoError> {
    let payload = Payload {
        msg: plaintext,
        aad: associated,
    };
    cipher(key)
        .encrypt(&Nonce::from(nonce), payload)
        .map_err(|_| CryptoError::UnknownFormat)
}

/// Opens a value that [`seal`] sealed under the same key for the same context.
///
/// # Errors
/// [`CryptoError::UnknownFormat`] if the value is shorter than [`MIN_SEALED_LEN`] or has another
/// version. [`CryptoError::DoesNotOpen`] if the key or context differs, or any bit was altered.
pub fn open(key: &SecretKey, context: &Context, sealed: &[u8]) -> Result<SecretBytes, CryptoError> {
    if sealed.len() < MIN_SEALED_LEN || sealed[0] != context.format() {
        return Err(CryptoError::UnknownFormat);
    }
    let (nonce, ciphertext) = sealed[1..].split_at(NONCE_LEN);
    let nonce = <[u8; NONCE_LEN]>::try_from(nonce).map_err(|_| CryptoError::UnknownFormat)?;
    let payload = Payload {
        msg: ciphertext,
        aad: context.as_bytes(),
    };
    cipher(key)
        .decrypt(&Nonce::from(nonce), payload)
        .map(SecretBytes::new)
        .map_err(|_| CryptoError::DoesNotOpen)
}

/// Wraps the key `inner` under `key`: [`seal`] over its 32 bytes, so the result has 61 bytes.
///
/// # Errors
/// Those of [`seal`].
pub fn seal_key(
    key: &SecretKey,
    context: &Context,
    inner: &SecretKey,
    random: &dyn RandomSource,
) -> Result<Vec<u8>, CryptoError> {
    seal(key, context, inner.expose(), random)
}

/// Unwraps a key that [`seal_key`] wrapped under the same key for the same context.
///
/// # Errors
/// Those of [`open`]; also [`CryptoError::UnknownFormat`] if the plaintext does not have the length
/// of a key.
pub fn open_key(
    key: &SecretKey,
    context: &Context,
    sealed: &[u8],
) -> Result<SecretKey, CryptoError> {
    let opened = open(key, context, sealed)?;
    SecretKey::from_slice(opened.expose()).ok_or(CryptoError::UnknownFormat)
}

fn cipher(key: &SecretKey) -> Aes256Gcm {
    Aes256Gcm::new(key.expose().into())
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    use super::*;
    use crate::context::Purpose;
    use crate::random::OsRandom;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        HEXLOWER
            .decode(text.as_bytes())
            .unwrap()
            .try_into()
            .unwrap()
    }

    /// McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B, test cases 13,
    /// 14 and 16 (AES-256, 96-bit nonce).
    #[test]
    fn published_vectors() {
        let zero = SecretKey::from_slice(&[0; 32]).unwrap();
        let sealed = encrypt(&zero, b"", b"", [0; 12]).unwrap();
        assert_eq!(HEXLOWER.encode(&sealed), "530f8afbc74536b9a963b4f1c4cb738b");
        let sealed = encrypt(&zero, b"", &[0; 16], [0; 12]).unwrap();
        assert_eq!(
            HEXLOWER.encode(&sealed),
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
        );
        let key = SecretKey::from_slice(&hex::<32>(
            "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        ))
        .unwrap();
        let plaintext = hex::<60>(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c9595680953\
             2fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        let associated = hex::<20>("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let sealed = encrypt(
            &key,
            &associated,
            &plaintext,
            hex("cafebabefacedbaddecaf888"),
        )
        .unwrap();
        assert_eq!(
            HEXLOWER.encode(&sealed),
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3d\
             a7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"
        );
    }

    #[test]
    fn a_wrapped_key_is_unwrapped() {
        let outer = SecretKey::generate(&OsRandom).unwrap();
        let inner = SecretKey::generate(&OsRandom).unwrap();
        let context = Context::new(Purpose::DataKey).i64(1);
        let wrapped = seal_key(&outer, &context, &inner, &OsRandom).unwrap();
        let opened = open_key(&outer, &context, &wrapped).unwrap();
        assert_eq!(opened.expose(), inner.expose());
    }

    proptest! {
        #[test]
        fn sealed_values_open(plaintext: Vec<u8>, field: i64) {
            let key = SecretKey::generate(&OsRandom).unwrap();
            let context = Context::new(Purpose::CredentialBlob).i64(field);
            let sealed = seal(&key, &context, &plaintext, &OsRandom).unwrap();
            prop_assert_eq!(sealed.len(), plaintext.len() + MIN_SEALED_LEN);
            let opened = open(&key, &context, &sealed).unwrap();
            prop_assert_eq!(opened.expose(), &plaintext[..]);
        }

        #[test]
        fn any_flipped_bit_refuses_to_open(
            plaintext: Vec<u8>,
            at: prop::sample::Index,
            bit in 0..8u8,
        ) {
            let key = SecretKey::generate(&OsRandom).unwrap();
            let context = Context::new(Purpose::CredentialBlob);
            let mut sealed = seal(&key, &context, &plaintext, &OsRandom).unwrap();
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert!(open(&key, &context, &sealed).is_err());
        }

        #[test]
        fn another_context_refuses_to_open(one: i64, other: i64) {
            prop_assume!(one != other);
            let key = SecretKey::generate(&OsRandom).unwrap();
            let context = |field| Context::new(Purpose::DataKey).i64(field);
            let sealed = seal(&key, &context(one), b"x", &OsRandom).unwrap();
            let opened = open(&key, &context(other), &sealed);
            prop_assert_eq!(opened.err(), Some(CryptoError::DoesNotOpen));
        }

        #[test]
        fn arbitrary_bytes_never_open(bytes: Vec<u8>) {
            let key = SecretKey::from_slice(&[3; 32]).unwrap();
            prop_assert!(open(&key, &Context::new(Purpose::DataKey), &bytes).is_err());
        }
    }
}
