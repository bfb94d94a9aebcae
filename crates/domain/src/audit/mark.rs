//! Marks: the events that the index by time has.
//!
//! An index entry for each event takes PostgreSQL a sixth of its time for a create. So only some
//! events of a lane are marks. Another event says how many events before it its mark is: who reads
//! events by time finds it from there.

use chrono::TimeDelta;

use crate::audit::stored::{StoredEvent, StoredTime};

/// The most events that have one mark, which is the first of them. [`LastEvents`] keeps as many.
pub const MARKED_EVENTS: i64 = 16;
/// The longest time between an event and its mark. Events of a lane are not quite in the order of
/// their times, so either may be the earlier one.
pub const MARK_SPAN: TimeDelta = TimeDelta::milliseconds(100);

/// A mark of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its number.
    pub seq: i64,
    /// Its time.
    pub at: StoredTime,
}

impl Mark {
    /// The mark of the event `seq` after `last` in a lane, and how many events after that it is;
    /// `None` if it is its own mark.
    #[must_use]
    pub fn of(last: Option<Self>, seq: i64, at: StoredTime) -> (Self, Option<i16>) {
        let shared = last.and_then(|mark| Some((mark, mark.distance_to(seq, at)?)));
        match shared {
            Some((mark, distance)) => (mark, Some(distance)),
            None => (Self { seq, at }, None),
        }
    }

    /// How many events after this mark the event `seq` is, if it can have this mark.
    #[must_use]
    pub fn distance_to(self, seq: i64, at: StoredTime) -> Option<i16> {
        let distance = seq.saturating_sub(self.seq);
        let span = MARK_SPAN.num_microseconds().unwrap_or_default();
        let is_near = at.0.abs_diff(self.at.0) <= span.unsigned_abs();
        let may = is_near && (1..MARKED_EVENTS).contains(&distance);
        may.then(|| i16::try_from(distance).ok()).flatten()
    }
}

/// The last events of a lane, while it is verified. It does not know missing ones, and those that
/// were not genuine.
#[derive(Debug)]
pub struct LastEvents {
    /// The number of the last event that was pruned; 0 if none was.
    pruned: i64,
    events: [Option<LastEvent>; MARKED_EVENTS as usize],
}

#[derive(Debug, Clone, Copy)]
struct LastEvent {
    seq: i64,
    /// The event as a mark, if it is one.
    mark: Option<Mark>,
}

impl LastEvents {
    /// None, in a lane whose events up to number `pruned` were pruned.
    #[must_use]
    pub fn after(pruned: i64) -> Self {
        Self {
            pruned,
            events: [None; MARKED_EVENTS as usize],
        }
    }

    /// Adds a genuine event. Returns whether it is found from its mark. If the mark is not known,
    /// its absence is a fault already, and the answer is yes.
    pub fn add(&mut self, event: &StoredEvent) -> bool {
        let (seq, at) = (event.seq, event.at);
        let Some(distance) = event.after_mark else {
            let mark = Some(Mark { seq, at });
            *self.place(seq) = Some(LastEvent { seq, mark });
            return true;
        };
        *self.place(seq) = Some(LastEvent { seq, mark: None });
        if !(1..MARKED_EVENTS).contains(&distance.into()) {
            return false;
        }
        let named = seq.saturating_sub(distance.into());
        match *self.place(named) {
            Some(LastEvent { seq: known, mark }) if known == named => {
                mark.is_some_and(|mark| mark.distance_to(seq, at).is_some())
            }
            _ => named > self.pruned,
        }
    }

    /// Forgets the event `seq`, of which there are several.
    pub fn forget(&mut self, seq: i64) {
        *self.place(seq) = None;
    }

    fn place(&mut self, seq: i64) -> &mut Option<LastEvent> {
        &mut self.events[usize::try_from(seq.rem_euclid(MARKED_EVENTS)).unwrap_or_default()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark {
        seq: 5,
        at: StoredTime(1_000_000),
    };

    #[test]
    fn few_events_of_a_short_time_have_one_mark() {
        let distance = |seq, micros: i64| MARK.distance_to(seq, StoredTime(1_000_000 + micros));
        assert_eq!(distance(6, 0), Some(1));
        assert_eq!(distance(20, 100_000), Some(15));
        assert_eq!(distance(20, -100_000), Some(15));
        assert_eq!(distance(21, 0), None);
        assert_eq!(distance(6, 100_001), None);
        assert_eq!(distance(6, -100_001), None);
        assert_eq!(distance(5, 0), None);
        assert_eq!(distance(4, 0), None);
        assert_eq!(MARK.distance_to(6, StoredTime::MAX), None);
        assert_eq!(MARK.distance_to(6, StoredTime::MIN), None);
        assert_eq!(MARK.distance_to(i64::MIN, MARK.at), None);
    }

    fn added(seqs: impl Iterator<Item = (i64, i64, Option<i16>)>) -> Vec<bool> {
        let mut last = LastEvents::after(0);
        let event = |(seq, at, after_mark)| StoredEvent {
            seq,
            at: StoredTime(at),
            after_mark,
            ..crate::audit::walk::tests::lane(1).remove(0)
        };
        seqs.map(|one| last.add(&event(one))).collect()
    }

    #[test]
    fn an_event_is_found_from_a_mark_alone() {
        let own = (1..=20).map(|seq| (seq, seq * 1_000_000, None));
        assert!(added(own).into_iter().all(|found| found));
        let shared = [(1, 0, None), (2, 9, Some(1)), (3, 9, Some(2)), (4, 9, None)];
        assert!(added(shared.into_iter()).into_iter().all(|found| found));
        for wrong in [
            (3, 9, Some(1)),
            (3, 9, Some(0)),
            (3, 9, Some(-1)),
            (3, 9, Some(16)),
            (3, 9, Some(i16::MAX)),
            (3, 100_001, Some(2)),
        ] {
            let events = [(1, 0, None), (2, 9, Some(1)), wrong];
            assert_eq!(added(events.into_iter()), [true, true, false], "{wrong:?}");
        }
    }

    #[test]
    fn an_event_whose_mark_is_missing_counts_as_found_and_one_whose_mark_is_pruned_does_not() {
        let missing = [(7, 9, Some(3)), (8, 9, Some(8))];
        assert_eq!(added(missing.into_iter()), [true, false]);
    }
}
