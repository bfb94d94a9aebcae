use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;
use std::time::Instant;

use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

/// What a caller asked of one credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Creates it with this secret.
    Create(u64),
    /// Replaces the secret.
    Update(u64),
    /// Deletes it.
    Delete,
    /// Reads the secret.
    Reveal,
    /// Looks whether it is in the list.
    List,
}

/// What the caller was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It was done.
    Done,
    /// The secret.
    Secret(u64),
    /// It is there.
    Listed,
    /// It is not there.
    Missing,
}

/// One operation of one caller, and when it began and ended.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// What was asked.
    pub op: Op,
    /// Just before it was sent.
    pub begun: Instant,
    /// Just after the answer, and what that said; none when nobody knows whether it was or will be carried out.
    pub ended: Option<(Instant, Told)>,
}

/// Whether there is an order of `calls`, all on one credential that is not there at first, in which each takes effect
/// at one moment between its begin and its end, and each is told what that order makes true (Herlihy and Wing,
/// "Linearizability", 1990). A call without an end may take effect at any time after its begin, or never.
///
/// The search is stateright's, after Wing and Gong ("Testing and verifying concurrent objects", 1993). What was tried
/// once is not tried again: a set of calls, and the state that it left (Lowe, "Testing for linearizability", 2017).
#[must_use]
pub fn is_linearizable(calls: &[Call]) -> bool {
    let mut tester = LinearizabilityTester::new(Credential::default());
    let mut events = Vec::with_capacity(calls.len() * 2);
    for (number, call) in calls.iter().enumerate() {
        events.push((call.begun, number, None));
        if let Some((ended, told)) = call.ended {
            events.push((ended, number, Some(told)));
        }
    }
    // Of two events at the same instant, an end comes last: both orders are then allowed.
    events.sort_by_key(|(at, _, told)| (*at, told.is_some()));
    // As few threads as do. A call without an end keeps its own for ever, and is tried last: so it has a high number.
    let mut free: BTreeSet<usize> = (0..calls.len()).collect();
    let mut threads = vec![0; calls.len()];
    for (_, number, told) in events {
        let added = if let Some(told) = told {
            free.insert(threads[number]);
            tester.on_return(threads[number], told)
        } else {
            threads[number] = match calls[number].ended {
                Some(_) => free.pop_first().expect("as many threads as calls"),
                None => calls.len() + number,
            };
            tester.on_invoke(threads[number], (number, calls[number].op))
        };
        added.expect("a call begins once and ends after that");
    }
    tester.is_consistent()
}

/// A credential as a caller without any company would see it.
#[derive(Debug, Clone, Default)]
struct Credential {
    secret: Option<u64>,
    /// Which calls have taken effect, by number.
    applied: Vec<usize>,
    tried: Rc<RefCell<HashSet<Reached>>>,
}

/// A set of calls that have taken effect, and the secret then.
type Reached = (Vec<usize>, Option<u64>);

impl SequentialSpec for Credential {
    type Op = (usize, Op);
    type Ret = Told;

    fn invoke(&mut self, (number, op): &Self::Op) -> Told {
        let place = self.applied.partition_point(|other| other < number);
        self.applied.insert(place, *number);
        match (op, self.secret) {
            (Op::Create(secret), _) => {
                self.secret = Some(*secret);
                Told::Done
            }
            (Op::Update(secret), Some(_)) => {
                self.secret = Some(*secret);
                Told::Done
            }
            // It says the same when there is nothing to delete.
            (Op::Delete, _) => {
                self.secret = None;
                Told::Done
            }
            (Op::Reveal, Some(secret)) => Told::Secret(secret),
            (Op::List, Some(_)) => Told::Listed,
            (Op::Update(_) | Op::Reveal | Op::List, None) => Told::Missing,
        }
    }

    fn is_valid_step(&mut self, op: &Self::Op, told: &Told) -> bool {
        let possible = self.invoke(op) == *told;
        possible && {
            let reached = (self.applied.clone(), self.secret);
            self.tried.borrow_mut().insert(reached)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Operation, begin, and end with answer, in milliseconds.
    type Timed = (Op, u64, Option<(u64, Told)>);

    fn verdict(calls: &[Timed]) -> bool {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let calls: Vec<Call> = calls
            .iter()
            .map(|(op, begun, ended)| Call {
                op: *op,
                begun: at(*begun),
                ended: ended.map(|(ended, told)| (at(ended), told)),
            })
            .collect();
        is_linearizable(&calls)
    }

    const CREATED: Timed = (Op::Create(1), 0, Some((1, Told::Done)));

    fn revealed(begun: u64, secret: u64) -> Timed {
        (Op::Reveal, begun, Some((begun + 1, Told::Secret(secret))))
    }

    #[test]
    fn an_acknowledged_write_that_is_gone_is_found() {
        let written = (Op::Update(2), 2, Some((4, Told::Done)));
        assert!(verdict(&[CREATED, written, revealed(5, 2)]));
        assert!(!verdict(&[CREATED, written, revealed(5, 1)]));
        let gone = (Op::Reveal, 5, Some((6, Told::Missing)));
        assert!(!verdict(&[CREATED, written, gone]));
        let unlisted = (Op::List, 5, Some((6, Told::Missing)));
        assert!(!verdict(&[CREATED, written, unlisted]));
    }

    #[test]
    fn while_a_write_is_under_way_both_are_right_but_only_in_one_order() {
        let written = (Op::Update(2), 2, Some((20, Told::Done)));
        assert!(verdict(&[CREATED, written, revealed(5, 1), revealed(8, 2)]));
        assert!(!verdict(&[
            CREATED,
            written,
            revealed(5, 2),
            revealed(8, 1)
        ]));
    }

    #[test]
    fn an_unknown_outcome_comes_late_or_never_but_not_twice() {
        let unknown = (Op::Update(2), 2, None);
        assert!(verdict(&[CREATED, unknown, revealed(5, 1)]));
        assert!(verdict(&[
            CREATED,
            unknown,
            revealed(5, 1),
            revealed(90, 2)
        ]));
        let written = (Op::Update(3), 30, Some((31, Told::Done)));
        let late = [CREATED, unknown, revealed(5, 2), written, revealed(40, 3)];
        assert!(verdict(&late));
        assert!(!verdict(&[&late[..], &[revealed(90, 2)]].concat()));
        // Nor before it began.
        assert!(!verdict(&[
            CREATED,
            revealed(1, 2),
            (Op::Update(2), 5, None)
        ]));
    }

    #[test]
    fn what_was_deleted_does_not_come_back() {
        let deleted = (Op::Delete, 2, Some((3, Told::Done)));
        let missing = (Op::Update(2), 5, Some((6, Told::Missing)));
        assert!(verdict(&[CREATED, deleted, missing]));
        assert!(!verdict(&[CREATED, deleted, revealed(7, 1)]));
        assert!(!verdict(&[
            CREATED,
            deleted,
            (Op::Update(2), 5, Some((6, Told::Done)))
        ]));
    }

    #[test]
    fn a_long_wrong_history_is_judged_quickly() {
        let mut calls = vec![CREATED];
        for round in 0..40_u64 {
            let begun = 10 + round * 10;
            let write = |secret| (Op::Update(secret), begun, Some((begun + 5, Told::Done)));
            calls.extend([write(round * 3 + 10), write(round * 3 + 11)]);
            // Two readers at the same time: either order is right, each time.
            let last = (Op::List, begun + 6, Some((begun + 8, Told::Listed)));
            calls.extend([last, last]);
        }
        assert!(verdict(&calls));
        calls.push(revealed(9000, 1));
        assert!(!verdict(&calls));
    }
}
