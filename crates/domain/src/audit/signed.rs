//! Signed parts of the audit trail: exported heads, and checkpoints of pruned lanes.

use chrono::{DateTime, SubsecRound, Utc};
use data_encoding::HEXLOWER_PERMISSIVE;
use serde::{Deserialize, Serialize};
use strongroom_crypto::{Context, Digest, PublicKey, Purpose, Signature, Signer, verify_signature};
use uuid::Uuid;

use crate::audit::heads::{LaneHead, encode_heads};
use crate::audit::stored::{format_time, hex};
use crate::ids::{LaneId, OrgId};

/// The format name, the first member of every line of exported heads.
const FORMAT: &str = "strongroom-audit-heads-1";

/// An error of exported heads.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadsError {
    /// The line does not have the format of `strongroom audit head`.
    #[error("is not a line of `strongroom audit head`: {0}")]
    Malformed(String),
    /// The line is signed with a key of another vault.
    #[error(
        "is signed with another key than this vault's: it is forged or belongs to another \
         installation"
    )]
    OtherKey,
    /// The signature does not match the content.
    #[error("has a signature that does not fit: it was altered")]
    Forged,
}

/// The heads of all lanes of one organization at one time, signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeads {
    /// The organization.
    pub org: OrgId,
    /// The time of reading, in microseconds.
    pub at: DateTime<Utc>,
    /// The last event of every non-empty lane, ordered by lane id.
    pub heads: Vec<LaneHead>,
    /// The public key of the signer.
    pub public_key: PublicKey,
    /// The Ed25519 signature (RFC 8032) of purpose, organization, time and [`encode_heads`].
    pub signature: Signature,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    format: String,
    org_id: Uuid,
    at: String,
    heads: Vec<LineHead>,
    public_key: String,
    signature: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineHead {
    lane: Uuid,
    seq: i64,
    mac: String,
}

impl SignedHeads {
    /// Signs `heads`.
    #[must_use]
    pub fn sign(signer: &Signer, org: OrgId, at: DateTime<Utc>, heads: Vec<LaneHead>) -> Self {
        let at = at.trunc_subsecs(6);
        Self {
            org,
            at,
            public_key: signer.public_key(),
            signature: signer.sign(&heads_context(org, at), &encode_heads(&heads)),
            heads,
        }
    }

    /// Verifies that the vault with the public key `key` signed these heads.
    ///
    /// # Errors
    /// [`HeadsError::OtherKey`], [`HeadsError::Forged`].
    pub fn check(&self, key: &PublicKey) -> Result<(), HeadsError> {
        if self.public_key != *key {
            return Err(HeadsError::OtherKey);
        }
        let (context, heads) = (heads_context(self.org, self.at), encode_heads(&self.heads));
        if verify_signature(key, &context, &heads, &self.signature) {
            Ok(())
        } else {
            Err(HeadsError::Forged)
        }
    }

    /// Encodes the heads as one line of JSON.
    #[must_use]
    pub fn to_line(&self) -> String {
        let line = Line {
            format: FORMAT.into(),
            org_id: self.org.0,
            at: format_time(self.at),
            heads: self
                .heads
                .iter()
                .map(|head| LineHead {
                    lane: head.lane.0,
                    seq: head.seq,
                    mac: HEXLOWER_PERMISSIVE.encode(&head.mac),
                })
                .collect(),
            public_key: HEXLOWER_PERMISSIVE.encode(&self.public_key),
            signature: HEXLOWER_PERMISSIVE.encode(&self.signature),
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
        if line.format != FORMAT {
            return Err(malformed(format!("its format is not {FORMAT}")));
        }
        let at = DateTime::parse_from_rfc3339(&line.at);
        let heads = line.heads.iter().map(|head| {
            Ok(LaneHead {
                lane: LaneId(head.lane),
                seq: head.seq,
                mac: fixed::<32>("mac", &head.mac)?,
            })
        });
        Ok(Self {
            org: OrgId(line.org_id),
            at: at
                .map_err(|error| malformed(format!("at: {error}")))?
                .to_utc(),
            heads: heads.collect::<Result<_, _>>()?,
            public_key: fixed("public_key", &line.public_key)?,
            signature: fixed("signature", &line.signature)?,
        })
    }
}

pub(super) fn fixed<const N: usize>(name: &str, text: &str) -> Result<[u8; N], HeadsError> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    let bytes = bytes.and_then(|bytes| <[u8; N]>::try_from(bytes).ok());
    bytes.ok_or_else(|| HeadsError::Malformed(format!("{name} is not {N} bytes in hexadecimal")))
}

fn heads_context(org: OrgId, at: DateTime<Utc>) -> Context {
    Context::new(Purpose::AuditHeads)
        .uuid(org.0)
        .i64(at.timestamp_micros())
}

/// The end of the pruned part of a lane: its last pruned event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checkpoint {
    /// The lane.
    pub lane: LaneId,
    /// The sequence number of the last pruned event.
    pub seq: i64,
    /// The chain digest of that event.
    #[serde(serialize_with = "hex")]
    pub mac: Digest,
    /// All events that were pruned with it are older than this time.
    pub pruned_before: DateTime<Utc>,
    /// The Ed25519 signature of purpose, organization and all fields above.
    #[serde(serialize_with = "hex")]
    pub signature: Vec<u8>,
}

impl Checkpoint {
    /// Signs a checkpoint with `last` as the last pruned event of its lane in `org`.
    #[must_use]
    pub fn sign(signer: &Signer, org: OrgId, last: LaneHead, pruned_before: DateTime<Utc>) -> Self {
        let mut checkpoint = Self {
            lane: last.lane,
            seq: last.seq,
            mac: last.mac,
            pruned_before,
            signature: Vec::new(),
        };
        let signature = signer.sign(&checkpoint.context(org), b"");
        checkpoint.signature = signature.to_vec();
        checkpoint
    }

    /// Whether the vault with the public key `key` signed this checkpoint for `org`.
    #[must_use]
    pub fn is_genuine(&self, key: &PublicKey, org: OrgId) -> bool {
        verify_signature(key, &self.context(org), b"", &self.signature)
    }

    fn context(&self, org: OrgId) -> Context {
        Context::new(Purpose::AuditCheckpoint)
            .uuid(org.0)
            .uuid(self.lane.0)
            .i64(self.seq)
            .bytes(&self.mac)
            .i64(self.pruned_before.timestamp_micros())
    }
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::SecretKey;

    use super::*;

    fn signer(byte: u8) -> Signer {
        Signer::new(&SecretKey::from_slice(&[byte; 32]).unwrap())
    }

    fn signed() -> SignedHeads {
        let head = LaneHead {
            lane: LaneId(Uuid::from_u128(2)),
            seq: 7,
            mac: [9; 32],
        };
        let org = OrgId(Uuid::from_u128(1));
        SignedHeads::sign(&signer(1), org, DateTime::UNIX_EPOCH, vec![head])
    }

    #[test]
    fn a_line_is_read_back_as_it_was_signed() {
        let signed = signed();
        let read = SignedHeads::parse(&signed.to_line()).unwrap();
        assert_eq!(read, signed);
        assert_eq!(read.check(&signer(1).public_key()), Ok(()));
    }

    #[test]
    fn anything_forged_is_refused() {
        let key = signer(1).public_key();
        let mut shorter = signed();
        shorter.heads[0].seq = 6;
        assert_eq!(shorter.check(&key), Err(HeadsError::Forged));
        let mut fewer = signed();
        fewer.heads.clear();
        assert_eq!(fewer.check(&key), Err(HeadsError::Forged));
        let mut moved = signed();
        moved.org = OrgId(Uuid::from_u128(3));
        assert_eq!(moved.check(&key), Err(HeadsError::Forged));
        assert_eq!(
            signed().check(&signer(2).public_key()),
            Err(HeadsError::OtherKey)
        );
        let own = SignedHeads::sign(&signer(2), signed().org, signed().at, signed().heads);
        assert_eq!(own.check(&key), Err(HeadsError::OtherKey));
        for bad in ["", "{}", "[]", &signed().to_line().replace("-1\"", "-2\"")] {
            assert!(
                matches!(SignedHeads::parse(bad), Err(HeadsError::Malformed(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_checkpoint_is_valid_only_for_its_lane_and_organization() {
        let (org, head) = (signed().org, signed().heads[0]);
        let checkpoint = Checkpoint::sign(&signer(1), org, head, DateTime::UNIX_EPOCH);
        let key = signer(1).public_key();
        assert!(checkpoint.is_genuine(&key, org));
        assert!(!checkpoint.is_genuine(&key, OrgId(Uuid::from_u128(9))));
        assert!(!checkpoint.is_genuine(&signer(2).public_key(), org));
        let later = Checkpoint {
            seq: 8,
            ..checkpoint
        };
        assert!(!later.is_genuine(&key, org));
    }
}
