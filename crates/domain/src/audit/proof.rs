//! The verification of one event by itself.

use crate::audit::chain::Chain;
use crate::audit::signed::Checkpoint;
use crate::audit::stored::StoredEvent;
use crate::audit::walk::{Fault, LaneWalk};
use crate::ids::OrgId;

/// Whether an event is what was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its digest is that of its members and of the event before it.
    Genuine,
    /// It is not what was recorded: it was edited, moved or inserted.
    Altered,
    /// The event before it is gone, so its digest cannot be computed.
    NotVerifiable,
}

/// What an event continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Predecessor {
    /// Nothing: it is the first of its lane.
    None,
    /// The event with the number before.
    Event,
    /// A signed checkpoint, which replaces pruned events.
    Checkpoint,
    /// An event that is gone.
    Missing,
}

/// An event, and the result of its verification.
#[derive(Debug)]
pub struct EventProof {
    /// The event, as stored.
    pub event: StoredEvent,
    /// What it continues.
    pub predecessor: Predecessor,
    /// The stored digest of what it continues.
    pub previous: Option<Vec<u8>>,
    /// The result.
    pub verdict: Verdict,
}

/// Verifies `event` of `org` after the events `earlier` of its lane, which end with the number
/// before its own, or after the lane's genuine `checkpoint`.
#[must_use]
pub fn prove(
    chain: &Chain,
    org: OrgId,
    earlier: &[StoredEvent],
    checkpoint: Option<&Checkpoint>,
    event: StoredEvent,
) -> EventProof {
    let number_before = event.seq.saturating_sub(1);
    let previous = earlier.iter().find(|one| one.seq == number_before);
    let checkpoint = checkpoint.filter(|checkpoint| checkpoint.seq == number_before);
    let (predecessor, mac) = match (previous, checkpoint) {
        (Some(previous), _) => (Predecessor::Event, Some(previous.mac.clone())),
        (None, Some(checkpoint)) => (Predecessor::Checkpoint, Some(checkpoint.mac.to_vec())),
        (None, None) if event.seq == 1 => (Predecessor::None, None),
        (None, None) => (Predecessor::Missing, None),
    };
    let mut walk = LaneWalk::new(chain, org, event.lane, checkpoint);
    let after_checkpoint = checkpoint.is_some();
    for one in earlier.iter().filter(|_| !after_checkpoint) {
        walk.step(one);
    }
    let verdict = match predecessor {
        Predecessor::Missing => Verdict::NotVerifiable,
        _ if walk.step(&event).contains(&Fault::Altered) => Verdict::Altered,
        _ => Verdict::Genuine,
    };
    EventProof {
        event,
        predecessor,
        previous: mac,
        verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::walk::tests::{ORG, chain, lane};

    fn proven(events: &[StoredEvent], seq: i64) -> (Predecessor, Verdict) {
        let before = |event: &&StoredEvent| (seq - 2..seq).contains(&event.seq);
        let earlier: Vec<_> = events.iter().filter(before).cloned().collect();
        let event = events.iter().find(|event| event.seq == seq).unwrap();
        let proof = prove(&chain(), ORG, &earlier, None, event.clone());
        (proof.predecessor, proof.verdict)
    }

    #[test]
    fn an_edit_is_found_at_its_event_alone() {
        let mut events = lane(6);
        assert_eq!(proven(&events, 1), (Predecessor::None, Verdict::Genuine));
        for seq in 2..=6 {
            let expected = (Predecessor::Event, Verdict::Genuine);
            assert_eq!(proven(&events, seq), expected, "{seq}");
        }
        events[2].actor = "somebody".into();
        assert_eq!(proven(&events, 3).1, Verdict::Altered);
        assert_eq!(proven(&events, 4).1, Verdict::Genuine);
        events[2].mac = vec![0; 32];
        assert_eq!(proven(&events, 3).1, Verdict::Altered);
        assert_eq!(proven(&events, 2).1, Verdict::Genuine);
    }

    #[test]
    fn an_altered_digest_is_found_at_its_event_alone() {
        let mut events = lane(4);
        events[2].mac = vec![7; 32];
        assert_eq!(proven(&events, 3).1, Verdict::Altered);
        assert_eq!(proven(&events, 4).1, Verdict::Genuine);
    }

    #[test]
    fn an_event_after_a_gap_cannot_be_verified() {
        let mut events = lane(4);
        events.remove(1);
        let expected = (Predecessor::Missing, Verdict::NotVerifiable);
        assert_eq!(proven(&events, 3), expected);
        assert_eq!(proven(&events, 4), (Predecessor::Event, Verdict::Genuine));
        events.remove(0);
        assert_eq!(proven(&events, 3), expected);
    }

    #[test]
    fn an_inserted_first_event_is_altered() {
        let mut events = lane(2);
        events[1].seq = 1;
        assert_eq!(proven(&events[1..], 1).1, Verdict::Altered);
    }
}
