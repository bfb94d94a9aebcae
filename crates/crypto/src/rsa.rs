//! Signatures with RSA: RSASSA-PKCS1-v1_5 (RFC 8017 § 8.2) with SHA-256.

use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use crate::error::CryptoError;

/// A private key of RSA, with 2048 to 4096 bits. *ring* does not wipe it on drop.
pub struct RsaSigner(RsaKeyPair);

impl RsaSigner {
    /// Reads a key in PEM (RFC 7468): PKCS #8 (RFC 5208) or PKCS #1 (RFC 8017 § A.1.2).
    ///
    /// # Errors
    /// [`CryptoError::PrivateKey`] if the text is none, or the key is none of RSA with at least
    /// 2048 bits.
    pub fn from_pem(pem: &str) -> Result<Self, CryptoError> {
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes());
        let key = match key.map_err(|_| CryptoError::PrivateKey)? {
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err(CryptoError::PrivateKey),
        };
        key.map(Self).map_err(|_| CryptoError::PrivateKey)
    }

    /// Signs `message`: `RS256` of JSON Web Algorithms (RFC 7518 § 3.3). The signature is as long
    /// as the key's modulus.
    ///
    /// # Errors
    /// [`CryptoError::Random`] if the system has no random bytes to blind the key with.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        // The signature itself needs no random bytes: the padding is fixed.
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|_| CryptoError::Random)?;
        Ok(signature)
    }
}

impl std::fmt::Debug for RsaSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7515 § A.2: the key and the signature of an example.
    #[test]
    fn the_signature_is_that_of_rfc_7515() {
        let message = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogIm\
                       h0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuH\
                         Im4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdi\
                         uB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN\
                         9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2\
                         w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77\
                         Rw";
        let signer = RsaSigner::from_pem(include_str!("rsa/rfc7515.pem")).unwrap();
        let signed = signer.sign(message.as_bytes()).unwrap();
        assert_eq!(data_encoding::BASE64URL_NOPAD.encode(&signed), signature);
    }

    #[test]
    fn other_texts_are_no_keys() {
        let pem = include_str!("rsa/rfc7515.pem");
        let half = &pem[..pem.len() / 2];
        let label = pem.replace("PRIVATE", "PUBLIC");
        for text in ["", "secret", half, &label, &pem.replace("M", "N")] {
            assert_eq!(
                RsaSigner::from_pem(text).err(),
                Some(CryptoError::PrivateKey)
            );
        }
    }
}
