use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;
use std::time::Instant;

use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

/// An operation on one credential.
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
    /// Looks for it in the list.
    List,
}

/// The result that a caller received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The write was executed.
    Done,
    /// The secret.
    Secret(u64),
    /// The credential exists.
    Listed,
    /// The credential does not exist.
    Missing,
}

/// One operation of one caller, with its begin and end.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// The operation.
    pub op: Op,
    /// The time before the request was sent.
    pub begun: Instant,
    /// The time after the answer, and the answer. `None` if the outcome is unknown: the operation
    /// may have been executed, or still be executed later.
    pub ended: Option<(Instant, Answer)>,
}

/// Whether there is an order of `calls` in which each takes effect at one moment between its begin
/// and its end, and each answer is the correct one (Herlihy and Wing, "Linearizability", 1990). All
/// calls concern one credential, which does not exist initially. A call without an end may take
/// effect at any time after its begin, or never.
///
/// stateright implements the search after Wing and Gong ("Testing and verifying concurrent
/// objects", 1993). A combination of a set of calls and the resulting state is tried once (Lowe,
/// "Testing for linearizability", 2017).
#[must_use]
pub fn is_linearizable(calls: &[Call]) -> bool {
    let mut tester = LinearizabilityTester::new(Credential::default());
    let mut events = Vec::with_capacity(calls.len() * 2);
    for (number, call) in calls.iter().enumerate() {
        events.push((call.begun, number, None));
        if let Some((ended, answer)) = call.ended {
            events.push((ended, number, Some(answer)));
        }
    }
    // At the same instant an end is sorted after a begin, which allows both orders.
    events.sort_by_key(|(at, _, answer)| (*at, answer.is_some()));
    // Threads are reused, to have few. A call without an end keeps its thread; its high number
    // makes the search try it last.
    let mut free: BTreeSet<usize> = (0..calls.len()).collect();
    let mut threads = vec![0; calls.len()];
    for (_, number, answer) in events {
        let added = if let Some(answer) = answer {
            free.insert(threads[number]);
            tester.on_return(threads[number], answer)
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

/// The sequential specification of a credential.
#[derive(Debug, Clone, Default)]
struct Credential {
    secret: Option<u64>,
    /// The numbers of the calls that have taken effect.
    applied: Vec<usize>,
    tried: Rc<RefCell<HashSet<Reached>>>,
}

/// A set of calls that have taken effect, and the resulting secret.
type Reached = (Vec<usize>, Option<u64>);

impl SequentialSpec for Credential {
    type Op = (usize, Op);
    type Ret = Answer;

    fn invoke(&mut self, (number, op): &Self::Op) -> Answer {
        let place = self.applied.partition_point(|other| other < number);
        self.applied.insert(place, *number);
        match (op, self.secret) {
            (Op::Create(secret), _) => {
                self.secret = Some(*secret);
                Answer::Done
            }
            (Op::Update(secret), Some(_)) => {
                self.secret = Some(*secret);
                Answer::Done
            }
            // The answer is the same if there is nothing to delete.
            (Op::Delete, _) => {
                self.secret = None;
                Answer::Done
            }
            (Op::Reveal, Some(secret)) => Answer::Secret(secret),
            (Op::List, Some(_)) => Answer::Listed,
            (Op::Update(_) | Op::Reveal | Op::List, None) => Answer::Missing,
        }
    }

    fn is_valid_step(&mut self, op: &Self::Op, answer: &Answer) -> bool {
        let possible = self.invoke(op) == *answer;
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
    type Timed = (Op, u64, Option<(u64, Answer)>);

    fn verdict(calls: &[Timed]) -> bool {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let calls: Vec<Call> = calls
            .iter()
            .map(|(op, begun, ended)| Call {
                op: *op,
                begun: at(*begun),
                ended: ended.map(|(ended, answer)| (at(ended), answer)),
            })
            .collect();
        is_linearizable(&calls)
    }

    const CREATED: Timed = (Op::Create(1), 0, Some((1, Answer::Done)));

    fn revealed(begun: u64, secret: u64) -> Timed {
        (Op::Reveal, begun, Some((begun + 1, Answer::Secret(secret))))
    }

    #[test]
    fn an_acknowledged_write_that_is_gone_is_found() {
        let written = (Op::Update(2), 2, Some((4, Answer::Done)));
        assert!(verdict(&[CREATED, written, revealed(5, 2)]));
        assert!(!verdict(&[CREATED, written, revealed(5, 1)]));
        let gone = (Op::Reveal, 5, Some((6, Answer::Missing)));
        assert!(!verdict(&[CREATED, written, gone]));
        let unlisted = (Op::List, 5, Some((6, Answer::Missing)));
        assert!(!verdict(&[CREATED, written, unlisted]));
    }

    #[test]
    fn while_a_write_is_under_way_both_are_right_but_only_in_one_order() {
        let written = (Op::Update(2), 2, Some((20, Answer::Done)));
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
        let written = (Op::Update(3), 30, Some((31, Answer::Done)));
        let late = [CREATED, unknown, revealed(5, 2), written, revealed(40, 3)];
        assert!(verdict(&late));
        assert!(!verdict(&[&late[..], &[revealed(90, 2)]].concat()));
        // Nor does it take effect before its begin.
        assert!(!verdict(&[
            CREATED,
            revealed(1, 2),
            (Op::Update(2), 5, None)
        ]));
    }

    #[test]
    fn what_was_deleted_does_not_come_back() {
        let deleted = (Op::Delete, 2, Some((3, Answer::Done)));
        let missing = (Op::Update(2), 5, Some((6, Answer::Missing)));
        assert!(verdict(&[CREATED, deleted, missing]));
        assert!(!verdict(&[CREATED, deleted, revealed(7, 1)]));
        assert!(!verdict(&[
            CREATED,
            deleted,
            (Op::Update(2), 5, Some((6, Answer::Done)))
        ]));
    }

    #[test]
    fn a_long_wrong_history_is_judged_quickly() {
        let mut calls = vec![CREATED];
        for round in 0..40_u64 {
            let begun = 10 + round * 10;
            let write = |secret| (Op::Update(secret), begun, Some((begun + 5, Answer::Done)));
            calls.extend([write(round * 3 + 10), write(round * 3 + 11)]);
            // For two readers at the same time, both orders are correct.
            let last = (Op::List, begun + 6, Some((begun + 8, Answer::Listed)));
            calls.extend([last, last]);
        }
        assert!(verdict(&calls));
        calls.push(revealed(9000, 1));
        assert!(!verdict(&calls));
    }
}
