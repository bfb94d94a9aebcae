//! Lane heads: the last events of lanes, which events of other lanes and signed heads name.

use strongroom_crypto::Digest;
use uuid::Uuid;

use crate::ids::LaneId;

/// The last event of one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneHead {
    /// The lane.
    pub lane: LaneId,
    /// The sequence number of the last event; the first event has 1.
    pub seq: i64,
    /// The last event's chain digest.
    pub mac: Digest,
}

/// The size of one head in [`encode_heads`], in bytes.
const HEAD_BYTES: usize = 16 + 8 + 32;

/// Encodes the heads that an event names: for each head its lane (16 bytes), sequence
/// number (8 bytes, big-endian) and digest (32 bytes).
#[must_use]
pub fn encode_heads(heads: &[LaneHead]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(heads.len() * HEAD_BYTES);
    for head in heads {
        bytes.extend_from_slice(head.lane.0.as_bytes());
        bytes.extend_from_slice(&head.seq.to_be_bytes());
        bytes.extend_from_slice(&head.mac);
    }
    bytes
}

/// Decodes the output of [`encode_heads`]. Returns `None` if the length is invalid.
#[must_use]
pub fn decode_heads(bytes: &[u8]) -> Option<Vec<LaneHead>> {
    let heads = bytes.chunks_exact(HEAD_BYTES);
    if !heads.remainder().is_empty() {
        return None;
    }
    heads
        .map(|head| {
            let (lane, rest) = head.split_at(16);
            let (seq, mac) = rest.split_at(8);
            Some(LaneHead {
                lane: LaneId(Uuid::from_slice(lane).ok()?),
                seq: i64::from_be_bytes(seq.try_into().ok()?),
                mac: mac.try_into().ok()?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_back_as_they_were_written() {
        let head = |n: u8| LaneHead {
            lane: LaneId(Uuid::from_u128(n.into())),
            seq: i64::from(n) << 40,
            mac: [n; 32],
        };
        let heads = vec![head(1), head(2)];
        let bytes = encode_heads(&heads);
        assert_eq!(decode_heads(&bytes), Some(heads));
        assert_eq!(decode_heads(b""), Some(Vec::new()));
        assert_eq!(decode_heads(&bytes[1..]), None);
    }
}
