//! The verification of one lane, event by event. It keeps a constant number of digests.

use strongroom_crypto::Digest;

use crate::audit::chain::{Chain, ChainPosition};
use crate::audit::signed::Checkpoint;
use crate::audit::stored::StoredEvent;
use crate::ids::{LaneId, OrgId};

/// A fault of the audit trail at one position of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The event differs from the event that the chain recorded.
    Altered,
    /// Events are missing; both bounds are inclusive.
    Missing {
        /// The first missing number.
        from: i64,
        /// The last missing number.
        to: i64,
    },
    /// The sequence number occurs more than once.
    Doubled,
}

/// The state of the verification of one lane.
#[derive(Debug)]
pub struct LaneWalk<'a> {
    chain: &'a Chain,
    org: OrgId,
    lane: LaneId,
    /// The last sequence number; at the start, that of the checkpoint, or 0.
    seq: i64,
    before: Links,
    here: Links,
    /// Whether an event with the number `seq` was read, and whether one of them is genuine.
    has_event: bool,
    genuine: bool,
}

/// The digests that the next event may continue.
#[derive(Debug, Clone)]
enum Links {
    /// Events are missing, so the next event cannot be verified.
    Unknown,
    /// The stored digest and, if that is wrong, the expected one.
    Known(Digest, Option<Digest>),
}

impl<'a> LaneWalk<'a> {
    /// Starts the verification of `lane` of `org` at its first event or, if that was pruned, after
    /// `checkpoint`.
    #[must_use]
    pub fn new(
        chain: &'a Chain,
        org: OrgId,
        lane: LaneId,
        checkpoint: Option<&Checkpoint>,
    ) -> Self {
        let (seq, mac) = checkpoint.map_or((0, [0; 32]), |last| (last.seq, last.mac));
        Self {
            chain,
            org,
            lane,
            seq,
            before: Links::Unknown,
            here: Links::Known(mac, None),
            has_event: false,
            genuine: false,
        }
    }

    /// The lane.
    #[must_use]
    pub fn lane(&self) -> LaneId {
        self.lane
    }

    /// The expected sequence number of the next event.
    #[must_use]
    pub fn next(&self) -> i64 {
        self.seq.saturating_add(1)
    }

    /// Verifies the next event, in the order of number and time, and returns its faults.
    pub fn step(&mut self, stored: &StoredEvent) -> Vec<Fault> {
        let mut faults = Vec::new();
        if stored.seq <= self.seq && self.has_event {
            faults.push(Fault::Doubled);
        } else {
            let next = self.next();
            self.before = std::mem::replace(&mut self.here, Links::Unknown);
            if stored.seq != next {
                self.before = Links::Unknown;
                let to = stored.seq.saturating_sub(1);
                faults.push(Fault::Missing { from: next, to });
            }
            (self.seq, self.has_event, self.genuine) = (stored.seq, true, false);
        }
        let links = self.verify(stored);
        let fits = matches!(links, Some(Links::Known(_, None)));
        // Of several events with the same number, the chain continues with the genuine one.
        if let Some(links) = links
            && !self.genuine
        {
            self.here = links;
        }
        self.genuine |= fits;
        if !fits && !faults.contains(&Fault::Doubled) {
            faults.push(Fault::Altered);
        }
        faults
    }

    /// The digests that the event after `stored` may continue. Contains no second digest if
    /// `stored` is genuine.
    fn verify(&self, stored: &StoredEvent) -> Option<Links> {
        let mac: Option<Digest> = stored.mac.as_slice().try_into().ok();
        let Links::Known(one, other) = &self.before else {
            return mac.map(|mac| Links::Known(mac, None));
        };
        let expected = |previous: &Digest| {
            let place = ChainPosition {
                org: self.org,
                lane: self.lane,
                seq: stored.seq,
                previous,
                heads: stored.heads.as_deref(),
            };
            stored.event().map(|event| self.chain.link(&place, &event))
        };
        let links = [Some(one), other.as_ref()];
        let candidates: Vec<Digest> = links.into_iter().flatten().filter_map(expected).collect();
        match mac {
            Some(mac) if candidates.contains(&mac) => Some(Links::Known(mac, None)),
            Some(mac) => Some(Links::Known(mac, candidates.first().copied().or(Some(mac)))),
            None => candidates.first().map(|mac| Links::Known(*mac, Some(*mac))),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use strongroom_crypto::SecretKey;
    use uuid::Uuid;

    use super::*;
    use crate::audit::event::{Action, Event};
    use crate::audit::stored::StoredTime;
    use crate::caller::{Caller, RequestInfo};

    const ORG: OrgId = OrgId(Uuid::from_u128(1));
    const LANE: LaneId = LaneId(Uuid::from_u128(2));

    fn chain() -> Chain {
        Chain::new(SecretKey::from_slice(&[1; 32]).unwrap())
    }

    /// A lane of `count` events, as stored by a server.
    fn lane(count: i64) -> Vec<StoredEvent> {
        let request = RequestInfo {
            id: "r".into(),
            source: "s".into(),
        };
        let caller = Caller::operator(ORG, request);
        let mut previous = [0; 32];
        let chained = (1..=count).map(|seq| {
            let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(seq);
            let event = Event::by(&caller, Action::CredentialList, at);
            let heads = (seq == 1).then(Vec::new);
            let place = ChainPosition {
                org: ORG,
                lane: LANE,
                seq,
                previous: &previous,
                heads: heads.as_deref(),
            };
            previous = chain().link(&place, &event);
            StoredEvent {
                lane: LANE,
                seq,
                at: at.into(),
                action: event.action.as_str().into(),
                outcome: event.outcome.as_str().into(),
                actor: event.actor,
                credential_id: None,
                key_id: None,
                version: None,
                request_id: event.request_id,
                source: event.source,
                digest: None,
                heads,
                mac: previous.to_vec(),
            }
        });
        chained.collect()
    }

    fn faults(events: &[StoredEvent]) -> Vec<(i64, Fault)> {
        let chain = chain();
        let mut walk = LaneWalk::new(&chain, ORG, LANE, None);
        let mut found = Vec::new();
        for event in events {
            found.extend(walk.step(event).into_iter().map(|fault| (event.seq, fault)));
        }
        found
    }

    #[test]
    fn an_untouched_lane_has_no_fault() {
        assert_eq!(faults(&lane(20)), []);
        assert_eq!(faults(&[]), []);
    }

    #[test]
    fn an_edit_is_found_where_it_was_made() {
        type Edit = fn(&mut StoredEvent);
        let edits: [Edit; 12] = [
            |event| event.actor = "x".into(),
            |event| event.action = "credential.reveal".into(),
            |event| event.action = "nonsense".into(),
            |event| event.outcome = "denied".into(),
            |event| event.at = StoredTime(event.at.0 + 1),
            |event| event.at = StoredTime::MAX,
            |event| event.version = Some(1),
            |event| event.digest = Some(vec![1; 32]),
            |event| event.digest = Some(vec![1; 3]),
            |event| event.heads = Some(Vec::new()),
            |event| event.mac[0] ^= 1,
            |event| event.mac.clear(),
        ];
        for (number, edit) in edits.iter().enumerate() {
            let mut events = lane(5);
            edit(&mut events[2]);
            assert_eq!(faults(&events), [(3, Fault::Altered)], "edit {number}");
        }
    }

    #[test]
    fn removed_swapped_doubled_and_inserted_events_are_found() {
        let mut removed = lane(6);
        removed.drain(1..3);
        assert_eq!(faults(&removed), [(4, Fault::Missing { from: 2, to: 3 })]);

        let headless = &lane(6)[2..];
        assert_eq!(faults(headless), [(3, Fault::Missing { from: 1, to: 2 })]);

        let mut swapped = lane(6);
        (swapped[1].seq, swapped[2].seq) = (3, 2);
        swapped.swap(1, 2);
        assert_eq!(
            faults(&swapped),
            [
                (2, Fault::Altered),
                (3, Fault::Altered),
                (4, Fault::Altered)
            ]
        );

        for genuine_first in [true, false] {
            let mut doubled = lane(6);
            let mut copy = doubled[2].clone();
            copy.actor = "x".into();
            doubled.insert(if genuine_first { 3 } else { 2 }, copy);
            let found = faults(&doubled);
            assert_eq!(found.last(), Some(&(3, Fault::Doubled)), "{found:?}");
            assert!(found.iter().all(|(seq, _)| *seq == 3), "{found:?}");
        }

        let mut appended = lane(3);
        let mut invented = appended[2].clone();
        invented.seq = 4;
        appended.push(invented);
        assert_eq!(faults(&appended), [(4, Fault::Altered)]);
    }

    #[test]
    fn a_pruned_lane_continues_from_its_checkpoint() {
        let (chain, events) = (chain(), lane(6));
        let checkpoint = Checkpoint {
            lane: LANE,
            seq: 3,
            mac: events[2].mac.as_slice().try_into().unwrap(),
            pruned_before: DateTime::UNIX_EPOCH,
            signature: Vec::new(),
        };
        let walk = |events: &[StoredEvent]| {
            let mut walk = LaneWalk::new(&chain, ORG, LANE, Some(&checkpoint));
            let faults = events.iter().flat_map(|event| walk.step(event));
            faults.collect::<Vec<_>>()
        };
        assert_eq!(walk(&events[3..]), []);
        assert_eq!(walk(&events[4..]), [Fault::Missing { from: 4, to: 4 }]);
        let mut edited = events.clone();
        edited[3].actor = "x".into();
        assert_eq!(walk(&edited[3..]), [Fault::Altered]);
    }
}
