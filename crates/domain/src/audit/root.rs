//! Signed roots: the heads of many organizations at one time, under one Merkle root.

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER_PERMISSIVE;
use serde::{Deserialize, Serialize};
use strongroom_crypto::{
    Context, DIGEST_LEN, Digest, PublicKey, Purpose, Signature, Signer, is_included,
    verify_signature,
};

use crate::audit::heads::{LaneHead, decode_heads};
use crate::audit::signed::{HeadsError, fixed};
use crate::audit::stored::format_time;
use crate::ids::OrgId;

/// The format name, a member of every line of a root.
pub const FORMAT: &str = "strongroom-audit-root-1";

/// A signed root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRoot {
    /// The time of signing, in microseconds.
    pub at: DateTime<Utc>,
    /// The number of leaves: organizations, and the installation, with new events.
    pub leaves: u64,
    /// The root of the Merkle tree (RFC 9162) over [`leaf`] of each of them, ordered by id.
    pub root: Digest,
    /// The root before this one; zeros for the first.
    pub previous: Digest,
    /// The public key of the signer.
    pub public_key: PublicKey,
    /// The Ed25519 signature (RFC 8032) of purpose, time, number, root and previous root.
    pub signature: Signature,
}

/// One organization's heads under a root, as stored. Not trusted before verification.
#[derive(Debug, Clone)]
pub struct AuditLeaf {
    /// The heads, as [`encode_heads`](crate::audit::heads::encode_heads) encodes them.
    pub heads: Vec<u8>,
    /// The number of the leaf, from 0.
    pub number: i64,
    /// The digests beside its way to the root, one after the other.
    pub path: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    format: String,
    at: String,
    leaves: u64,
    root: String,
    previous: String,
    public_key: String,
    signature: String,
}

/// The bytes of a leaf: `heads` of `org` at the time `at`.
#[must_use]
pub fn leaf(org: OrgId, at: DateTime<Utc>, heads: &[u8]) -> Vec<u8> {
    let context = Context::new(Purpose::AuditLeaf)
        .uuid(org.0)
        .i64(at.timestamp_micros());
    context.bytes(heads).into_bytes()
}

impl AuditRoot {
    /// Signs `root`, which has this number of leaves and follows `previous`.
    #[must_use]
    pub fn sign(
        signer: &Signer,
        at: DateTime<Utc>,
        leaves: u64,
        root: Digest,
        previous: Digest,
    ) -> Self {
        let mut signed = Self {
            at,
            leaves,
            root,
            previous,
            public_key: signer.public_key(),
            signature: [0; 64],
        };
        signed.signature = signer.sign(&signed.context(), b"");
        signed
    }

    /// Verifies that the vault with the public key `key` signed this root.
    ///
    /// # Errors
    /// [`HeadsError::OtherKey`], [`HeadsError::Forged`].
    pub fn check(&self, key: &PublicKey) -> Result<(), HeadsError> {
        if self.public_key != *key {
            return Err(HeadsError::OtherKey);
        }
        match verify_signature(key, &self.context(), b"", &self.signature) {
            true => Ok(()),
            false => Err(HeadsError::Forged),
        }
    }

    fn context(&self) -> Context {
        Context::new(Purpose::AuditRoot)
            .i64(self.at.timestamp_micros())
            .i64(i64::try_from(self.leaves).unwrap_or(i64::MAX))
            .bytes(&self.root)
            .bytes(&self.previous)
    }

    /// The heads in `stored`, if it is the leaf of `org` under this root.
    #[must_use]
    pub fn heads_of(&self, org: OrgId, stored: &AuditLeaf) -> Option<Vec<LaneHead>> {
        let digests = stored.path.chunks_exact(DIGEST_LEN);
        if !digests.remainder().is_empty() {
            return None;
        }
        let path = digests.map(Digest::try_from).collect::<Result<Vec<_>, _>>();
        let (path, number) = (path.ok()?, u64::try_from(stored.number).ok()?);
        let leaf = leaf(org, self.at, &stored.heads);
        is_included(&leaf, number, self.leaves, &path, &self.root)
            .then(|| decode_heads(&stored.heads))
            .flatten()
    }

    /// Encodes the root as one line of JSON.
    #[must_use]
    pub fn to_line(&self) -> String {
        let line = Line {
            format: FORMAT.into(),
            at: format_time(self.at),
            leaves: self.leaves,
            root: hex(&self.root),
            previous: hex(&self.previous),
            public_key: hex(&self.public_key),
            signature: hex(&self.signature),
        };
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Parses the output of [`Self::to_line`]. Does not verify the signature.
    ///
    /// # Errors
    /// [`HeadsError::Malformed`].
    pub fn parse(line: &str) -> Result<Self, HeadsError> {
        let malformed = |why: String| HeadsError::Malformed(why);
        let line: Line =
            serde_json::from_str(line).map_err(|error| malformed(error.to_string()))?;
        let at = DateTime::parse_from_rfc3339(&line.at);
        Ok(Self {
            at: at
                .map_err(|error| malformed(format!("at: {error}")))?
                .to_utc(),
            leaves: line.leaves,
            root: fixed("root", &line.root)?,
            previous: fixed("previous", &line.previous)?,
            public_key: fixed("public_key", &line.public_key)?,
            signature: fixed("signature", &line.signature)?,
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER_PERMISSIVE.encode(bytes)
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::{MerkleTree, SecretKey};
    use uuid::Uuid;

    use super::*;
    use crate::audit::heads::encode_heads;
    use crate::ids::LaneId;

    fn org(number: u128) -> OrgId {
        OrgId(Uuid::from_u128(number))
    }

    fn heads(number: u128) -> Vec<LaneHead> {
        vec![LaneHead {
            lane: LaneId(Uuid::from_u128(number)),
            seq: 7,
            mac: [9; 32],
        }]
    }

    #[test]
    fn a_root_proves_the_heads_of_each_organization() {
        let signer = Signer::new(&SecretKey::from_slice(&[1; 32]).unwrap());
        let at = DateTime::UNIX_EPOCH;
        let encoded: Vec<_> = (1..=3).map(|number| encode_heads(&heads(number))).collect();
        let leaves = encoded
            .iter()
            .zip(1..)
            .map(|(heads, n)| leaf(org(n), at, heads));
        let tree = MerkleTree::of(leaves);
        let signed = AuditRoot::sign(&signer, at, 3, tree.root(), [0; 32]);
        let read = AuditRoot::parse(&signed.to_line()).unwrap();
        assert_eq!(read, signed);
        assert_eq!(read.check(&signer.public_key()), Ok(()));
        let stored = AuditLeaf {
            heads: encoded[1].clone(),
            number: 1,
            path: tree.path(1).concat(),
        };
        assert_eq!(read.heads_of(org(2), &stored), Some(heads(2)));
        assert_eq!(read.heads_of(org(1), &stored), None);
        let cut = AuditLeaf {
            heads: encoded[0].clone(),
            ..stored.clone()
        };
        assert_eq!(read.heads_of(org(2), &cut), None);
        let fewer = AuditRoot { leaves: 2, ..read };
        assert_eq!(fewer.check(&signer.public_key()), Err(HeadsError::Forged));
    }
}
