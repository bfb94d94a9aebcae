//! Idempotency keys, with which requests can be repeated safely.

use chrono::{DateTime, Utc};
use strongroom_crypto::{Context, Digest, Purpose, SecretKey, mac};

use crate::credential::NewCredential;
use crate::error::FieldError;
use crate::ids::{CredentialId, OrgId};
use crate::replication::OperationId;

/// The header that carries the idempotency key.
pub const HEADER: &str = "Idempotency-Key";
/// The maximum length of a key, in characters.
pub const MAX_LEN: usize = 255;

/// A caller's name for one request (draft-ietf-httpapi-idempotency-key-header). Compared byte by
/// byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Parses 1 to 255 visible ASCII characters.
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

/// The stored record of a repeatable request. It contains keyed digests only: with a plain hash, a
/// reader of the table could guess secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Keyed digest of the idempotency key.
    pub key: Digest,
    /// Keyed digest of the request's content.
    pub request: Digest,
    /// The time at which the record expires.
    pub expires_at: DateTime<Utc>,
}

impl IdempotencyRecord {
    /// The record of a request with the key `name` that creates `new` in `org`.
    #[must_use]
    pub fn of_create(
        key: &SecretKey,
        org: OrgId,
        name: &IdempotencyKey,
        new: &NewCredential,
        expires_at: DateTime<Utc>,
    ) -> Self {
        let key_context = Context::new(Purpose::IdempotencyKey).uuid(org.0);
        let request_context = Context::new(Purpose::IdempotentRequest)
            .uuid(org.0)
            .bytes(new.provider.as_str().as_bytes())
            .bytes(new.kind.as_str().as_bytes())
            .bytes(new.label.as_str().as_bytes());
        // Without an expiry, the digest is that of an earlier version.
        let request_context = match new.expires_at {
            Some(at) => request_context.i64(at.timestamp_micros()),
            None => request_context,
        };
        Self {
            key: mac(key, &key_context, name.0.as_bytes()),
            request: mac(key, &request_context, new.blob.expose()),
            expires_at,
        }
    }
}

/// The result of the first request with the same key and the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarlierRequest {
    /// The credential that the request created.
    pub credential: CredentialId,
    /// The operation of the request.
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
