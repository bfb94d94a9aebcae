use uuid::Uuid;

use crate::FORMAT_VERSION;

/// What a ciphertext or digest is for. The code is part of every [`Context`], so that a value made
/// for one purpose is never accepted for another. Codes are stored: never reuse or renumber one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    /// The value that proves a loaded root key to be the right one.
    RootKeyCheck = 1,
    /// An organization's key, wrapped by a root key.
    OrganizationKey = 2,
    /// A service-wide key (API-key hashing, audit chain, idempotency), wrapped by a root key.
    ServiceKey = 3,
    /// A credential version's data key, wrapped by its organization's key.
    DataKey = 4,
    /// A credential's blob, sealed by its data key.
    CredentialBlob = 5,
    /// The stored digest of an API key.
    ApiKeyDigest = 6,
    /// A link of the audit chain.
    AuditEvent = 7,
    /// The digest of a credential row that its audit event carries.
    CredentialDigest = 8,
    /// What tells an operation's id that was issued from one that was not.
    OperationId = 9,
    /// The stored digest of a caller's `Idempotency-Key`.
    IdempotencyKey = 10,
    /// The stored digest of a request that may be repeated.
    IdempotentRequest = 11,
    /// A backup's lines, one after another.
    BackupLine = 12,
    /// What tells an API key's id that was issued from one that was not.
    ApiKeyId = 13,
    /// The heads of an organization's audit lanes, signed so that they can be kept elsewhere.
    AuditHeads = 20,
    /// Where a pruned audit lane goes on, signed.
    AuditCheckpoint = 21,
}

/// Canonical bytes that say what a value belongs to: associated data for sealing, input for digests.
///
/// Encoding: `"SR"`, purpose (1 byte), format version (1 byte), then each field in the order it was
/// added: integers big-endian at fixed width, UUIDs as 16 bytes, byte strings behind a 4-byte length.
/// Two different field lists of one purpose therefore never encode alike.
#[derive(Debug, Clone)]
pub struct Context(Vec<u8>);

impl Context {
    /// An empty context for `purpose`.
    #[must_use]
    pub fn new(purpose: Purpose) -> Self {
        let mut bytes = Vec::with_capacity(96);
        bytes.extend_from_slice(b"SR");
        bytes.push(purpose as u8);
        bytes.push(FORMAT_VERSION);
        Self(bytes)
    }

    /// Adds a UUID: 16 bytes.
    #[must_use]
    pub fn uuid(mut self, value: Uuid) -> Self {
        self.0.extend_from_slice(value.as_bytes());
        self
    }

    /// Adds one byte.
    #[must_use]
    pub fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    /// Adds a 64-bit integer, big-endian.
    #[must_use]
    pub fn i64(mut self, value: i64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Adds a byte string behind its 4-byte length.
    #[must_use]
    pub fn bytes(mut self, value: &[u8]) -> Self {
        // Nothing this program digests comes near 4 GiB; saturating keeps the encoding total.
        let len = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&len.to_be_bytes());
        self.0.extend_from_slice(value);
        self
    }

    /// Adds a value that may be absent: a 0 byte, or a 1 byte and what `add` adds.
    #[must_use]
    pub fn optional<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            None => self.u8(0),
            Some(value) => add(self.u8(1), value),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_strings_cannot_shift_into_each_other() {
        let one = Context::new(Purpose::AuditEvent).bytes(b"ab").bytes(b"c");
        let other = Context::new(Purpose::AuditEvent).bytes(b"a").bytes(b"bc");
        assert_ne!(one.as_bytes(), other.as_bytes());
    }

    #[test]
    fn absent_differs_from_empty() {
        let absent = Context::new(Purpose::AuditEvent).optional(None::<&[u8]>, Context::bytes);
        let empty = Context::new(Purpose::AuditEvent).optional(Some(&b""[..]), Context::bytes);
        assert_ne!(absent.as_bytes(), empty.as_bytes());
    }

    #[test]
    fn the_encoding_is_fixed() {
        let context = Context::new(Purpose::DataKey)
            .uuid(Uuid::from_u128(1))
            .i64(2)
            .u8(3)
            .bytes(b"x");
        let mut expected = b"SR\x04\x01".to_vec();
        expected.extend([0; 15]);
        expected.extend([1, 0, 0, 0, 0, 0, 0, 0, 2, 3, 0, 0, 0, 1, b'x']);
        assert_eq!(context.as_bytes(), expected);
    }
}
