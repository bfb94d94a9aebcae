//! The keyed digest over the lines of a backup.

use strongroom_crypto::{Context, Digest, Purpose, SecretKey, mac};

/// The keyed digest over a backup's lines, one after another: HMAC-SHA-256 under the service key `audit` over the line's
/// number from 0, the digest before (zeros for the first), and the line with its end. Anybody can encrypt to a recipient;
/// only who has the root key can make this.
#[derive(Debug, Clone)]
pub struct Seal {
    key: SecretKey,
    lines: u64,
    digest: Digest,
}

impl Seal {
    /// Before the first line.
    #[must_use]
    pub fn new(key: SecretKey) -> Self {
        Self {
            key,
            lines: 0,
            digest: [0; 32],
        }
    }

    /// Takes the next line in.
    pub fn add(&mut self, line: &[u8]) {
        let number = i64::try_from(self.lines).unwrap_or(i64::MAX);
        let context = Context::new(Purpose::BackupLine)
            .i64(number)
            .bytes(&self.digest);
        self.digest = mac(&self.key, &context, line);
        self.lines += 1;
    }

    /// How many lines it covers.
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
