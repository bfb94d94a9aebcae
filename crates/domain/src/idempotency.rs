//! Requests that can be repeated without being carried out twice.

use chrono::{DateTime, Utc};
use strongroom_crypto::{Context, Digest, Purpose, SecretKey, mac};

use crate::credential::NewCredential;
use crate::error::FieldError;
use crate::ids::{CredentialId, OrgId};
use crate::replication::OperationId;

/// The header that names a request, so that it can be repeated.
pub const HEADER: &str = "Idempotency-Key";
/// Longest key, in characters.
pub const MAX_LEN: usize = 255;

/// A caller's name for one request (draft-ietf-httpapi-idempotency-key-header). Compared as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads 1 to 255 visible ASCII characters.
    ///
    /// # Errors
    /// A [`FieldError`] on the header.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > MAX_LEN || !visible {
            let message = format!("must be 1 to {MAX_LEN} visible ASCII characters, sent once");
            return Err(FieldError::new(HEADER, "invalid_value", message));
        }
        Ok(Self(text.to_owned()))
    }
}

/// What is stored of a request that may be repeated. Digests only: a plain hash of the request would let
/// whoever reads the table try secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Keyed digest of the caller's key.
    pub key: Digest,
    /// Keyed digest of what was asked for.
    pub request: Digest,
    /// When it is forgotten.
    pub expires_at: DateTime<Utc>,
}

impl IdempotencyRecord {
    /// The claim of `name` on the creation of `new` in `org`.
    #[must_use]
    pub fn of_create(
        key: &SecretKey,
        org: OrgId,
        name: &IdempotencyKey,
        new: &NewCredential,
        expires_at: DateTime<Utc>,
    ) -> Self {
        let named = Context::new(Purpose::IdempotencyKey).uuid(org.0);
        let request = Context::new(Purpose::IdempotentRequest)
            .uuid(org.0)
            .bytes(new.provider.as_str().as_bytes())
            .bytes(new.kind.as_str().as_bytes())
            .bytes(new.label.as_str().as_bytes());
        Self {
            key: mac(key, &named, name.0.as_bytes()),
            request: mac(key, &request, new.blob.expose()),
            expires_at,
        }
    }
}

/// What the first request with the same key and the same content has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earlier {
    /// The credential that it made.
    pub credential: CredentialId,
    /// Its operation.
    pub operation: OperationId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_and_visible() {
        for good in [
            "a",
            "\"8e03978e-40d5-43e8-bc93-6894a57f9324\"",
            &"x".repeat(255),
        ] {
            assert!(IdempotencyKey::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "ä", "a\u{7f}", &"x".repeat(256)] {
            assert!(IdempotencyKey::parse(bad).is_err(), "{bad}");
        }
    }
}
