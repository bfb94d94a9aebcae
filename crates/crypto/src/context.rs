//! Contexts: canonical bytes that bind a ciphertext, digest or signature to its place.

use uuid::Uuid;

/// The first format version. The version is the first byte of every sealed value, and part of every
/// [`Context`].
pub const FORMAT_VERSION: u8 = 1;

/// The purpose of a ciphertext, digest or signature.
///
/// Its 1-byte code is part of every [`Context`], so a value made for one purpose is never accepted
/// for another. Stored values depend on the codes: never reuse or renumber a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    /// The stored value that identifies the correct root key.
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
    /// The tag that distinguishes the id of an issued operation from an invented one.
    OperationId = 9,
    /// The stored digest of a caller's `Idempotency-Key`.
    IdempotencyKey = 10,
    /// The stored digest of a request that has an `Idempotency-Key`.
    IdempotentRequest = 11,
    /// The digest of a backup's lines, chained line by line.
    BackupLine = 12,
    /// The tag that distinguishes the id of an issued API key from an invented one.
    ApiKeyId = 13,
    /// The proof of a stored request that has an `Idempotency-Key`.
    IdempotencyRecord = 14,
    /// The proof that one organization is an ancestor of another.
    Ancestor = 15,
    /// The proof of the scheduled end of an API key.
    ApiKeyEnd = 16,
    /// The signature over the heads of an organization's audit lanes, for storage elsewhere.
    AuditHeads = 20,
    /// The signature over the point from which a pruned audit lane continues.
    AuditCheckpoint = 21,
    /// The signature over the root of a Merkle tree of heads of many organizations.
    AuditRoot = 22,
    /// A leaf of that tree: the heads of one organization.
    AuditLeaf = 23,
    /// The proof of the results of the last integrity scrub.
    ScrubResult = 24,
    /// The stored digest of the secret of an OAuth 2.0 client.
    ClientSecret = 25,
    /// The proof of the settings of an OAuth 2.0 client.
    Client = 26,
    /// The stored digest of an access token.
    AccessToken = 27,
    /// The digest of a value of a credential that is not the current one.
    CredentialVersion = 28,
    /// The digest of all these values of one credential.
    CredentialHistory = 29,
    /// The data key of such a value, wrapped by its organization's key.
    VersionKey = 30,
    /// The blob of such a value, sealed by its data key.
    VersionBlob = 31,
    /// The data key of a relay policy, wrapped by its organization's key.
    RelayPolicyKey = 32,
    /// A relay policy, sealed by its data key.
    RelayPolicy = 33,
    /// The digest of a relay policy's row that its audit event carries.
    RelayPolicyDigest = 34,
    /// The stored digest of a session of the console.
    ConsoleSession = 35,
    /// The token that the forms of such a session contain.
    ConsoleForm = 36,
}

/// The identity of the place that a value belongs to, as canonical bytes.
///
/// It is the associated data of a sealed value, and a prefix of the input of a digest or signature.
///
/// Encoding: `"SR"`, the purpose (1 byte), the format version (1 byte), then the fields in the
/// order in which they were added. Integers are big-endian with a fixed width, UUIDs have 16
/// bytes, and a byte string follows its 4-byte big-endian length. The caller adds the same types of
/// fields in the same order for all contexts of a purpose, so different values encode differently.
#[derive(Debug, Clone)]
pub struct Context(Vec<u8>);

impl Context {
    /// An empty context for `purpose`, in the first format.
    #[must_use]
    pub fn new(purpose: Purpose) -> Self {
        Self::in_format(purpose, FORMAT_VERSION)
    }

    /// An empty context for `purpose` in the format version `format`. A format of a purpose never
    /// changes its fields; other fields are another format.
    #[must_use]
    pub fn in_format(purpose: Purpose, format: u8) -> Self {
        let mut bytes = Vec::with_capacity(96);
        bytes.extend_from_slice(b"SR");
        bytes.push(purpose as u8);
        bytes.push(format);
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

    /// Adds a 64-bit integer: 8 bytes, big-endian.
    #[must_use]
    pub fn i64(mut self, value: i64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Adds a byte string, preceded by its length (4 bytes, big-endian).
    #[must_use]
    pub fn bytes(mut self, value: &[u8]) -> Self {
        // All inputs are far below 4 GiB. Saturation avoids an error path.
        let len = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&len.to_be_bytes());
        self.0.extend_from_slice(value);
        self
    }

    /// Adds an optional value: the byte 0 if absent, else the byte 1 and what `add` adds.
    #[must_use]
    pub fn optional<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            None => self.u8(0),
            Some(value) => add(self.u8(1), value),
        }
    }

    /// The format version.
    pub(crate) fn format(&self) -> u8 {
        self.0[3]
    }

    /// The bytes, as the input of an unkeyed digest.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjacent_byte_strings_encode_unambiguously() {
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
