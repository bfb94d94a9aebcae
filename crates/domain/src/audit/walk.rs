//! The verification of one lane, event by event. It keeps a constant number of digests.

use strongroom_crypto::Digest;

use crate::audit::chain::{Chain, ChainPosition};
use crate::audit::mark::LastEvents;
use crate::audit::signed::Checkpoint;
use crate::audit::stored::StoredEvent;
use crate::ids::{LaneId, OrgId};

/// A fault of the audit trail at one position of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The event differs from the event that the chain recorded, or is not found by time.
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
    last: LastEvents,
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
            last: LastEvents::after(seq),
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
        if faults.contains(&Fault::Doubled) {
            self.last.forget(stored.seq);
            return faults;
        }
        // An event that is not found from its mark is missing from what is read by time.
        if !fits || !self.last.add(stored) {
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
            self.chain.link(&place, &stored.event()?, stored.format())
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
pub(in crate::audit) mod tests;
