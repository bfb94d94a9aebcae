//! The keyed digest of the lines of a backup.

use strongroom_crypto::{Context, Digest, Purpose, SecretKey, mac};

/// The keyed digest of the lines of a backup: a chain of HMAC-SHA-256 with the service key `audit`
/// over the line number (from 0), the previous digest (zeros for the first) and the line with its
/// end. Any party can encrypt to a recipient; only a holder of the root key can create this digest.
#[derive(Debug, Clone)]
pub struct Seal {
    key: SecretKey,
    lines: u64,
    digest: Digest,
}

impl Seal {
    /// Creates the digest before the first line.
    #[must_use]
    pub fn new(key: SecretKey) -> Self {
        Self {
            key,
            lines: 0,
            digest: [0; 32],
        }
    }

    /// Adds the next line.
    pub fn add(&mut self, line: &[u8]) {
        let number = i64::try_from(self.lines).unwrap_or(i64::MAX);
        let context = Context::new(Purpose::BackupLine)
            .i64(number)
            .bytes(&self.digest);
        self.digest = mac(&self.key, &context, line);
        self.lines += 1;
    }

    /// The number of lines.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The digest of all lines so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}
