//! What is signed of the audit trail: heads that are kept elsewhere, and where a pruned lane goes on.

use chrono::{DateTime, SubsecRound, Utc};
use data_encoding::HEXLOWER_PERMISSIVE;
use serde::{Deserialize, Serialize};
use strongroom_crypto::{Context, Digest, PublicKey, Purpose, Signature, Signer, verify_signature};
use uuid::Uuid;

use crate::audit::heads::{LaneHead, encode_heads};
use crate::audit::stored::{hex, shown_time};
use crate::ids::{LaneId, OrgId};

/// What the first member of every line of kept heads says.
const FORMAT: &str = "strongroom-audit-heads-1";

/// Why kept heads are of no use.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadsError {
    /// This is no line that `strongroom audit head` printed.
    #[error("is not a line of `strongroom audit head`: {0}")]
    Malformed(String),
    /// It is signed by another key than this vault's.
    #[error(
        "is signed with another key than this vault's: it is forged, or of another installation"
    )]
    OtherKey,
    /// It is not what was signed.
    #[error("has a signature that does not fit: it was altered")]
    Forged,
}

/// All heads of one organization's lanes at one time, signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeads {
    /// The organization.
    pub org: OrgId,
    /// When they were read, to the microsecond.
    pub at: DateTime<Utc>,
    /// The last event of every lane that had any, in the order of the lanes' ids.
    pub heads: Vec<LaneHead>,
    /// The key that signed them.
    pub public_key: PublicKey,
    /// Ed25519 over purpose, organization, time and [`encode_heads`].
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

    /// Checks that the vault with the public key `key` signed exactly this.
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

    /// One line of JSON.
    #[must_use]
    pub fn to_line(&self) -> String {
        let line = Line {
            format: FORMAT.into(),
            org_id: self.org.0,
            at: shown_time(self.at),
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

    /// Reads what [`Self::to_line`] wrote, without believing it.
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

fn fixed<const N: usize>(name: &str, text: &str) -> Result<[u8; N], HeadsError> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    let bytes = bytes.and_then(|bytes| <[u8; N]>::try_from(bytes).ok());
    bytes.ok_or_else(|| HeadsError::Malformed(format!("{name} is not {N} bytes in hexadecimal")))
}

fn heads_context(org: OrgId, at: DateTime<Utc>) -> Context {
    Context::new(Purpose::AuditHeads)
        .uuid(org.0)
        .i64(at.timestamp_micros())
}

/// Where a lane goes on whose first events were pruned: the last of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checkpoint {
    /// The lane.
    pub lane: LaneId,
    /// The last pruned event's number.
    pub seq: i64,
    /// Its chain digest.
    #[serde(serialize_with = "hex")]
    pub mac: Digest,
    /// Every event pruned with it was older than this.
    pub pruned_before: DateTime<Utc>,
    /// Ed25519 over purpose, organization and all the above.
    #[serde(serialize_with = "hex")]
    pub signature: Vec<u8>,
}

impl Checkpoint {
    /// Signs that `last` is the last pruned event of its lane in `org`.
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

    /// Whether the vault with the public key `key` signed this for `org`.
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
    fn a_checkpoint_holds_for_its_lane_and_organization_alone() {
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
