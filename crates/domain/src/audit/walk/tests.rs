//! Tests of the verification of one lane.

use chrono::{DateTime, TimeDelta};
use strongroom_crypto::SecretKey;
use uuid::Uuid;

use super::*;
use crate::audit::event::{Action, Event};
use crate::audit::format::EventFormat;
use crate::audit::stored::StoredTime;
use crate::caller::{Caller, RequestInfo};

pub(in crate::audit) const ORG: OrgId = OrgId(Uuid::from_u128(1));
const LANE: LaneId = LaneId(Uuid::from_u128(2));

pub(in crate::audit) fn chain() -> Chain {
    Chain::new(SecretKey::from_slice(&[1; 32]).unwrap())
}

/// A lane of `count` events, as stored by a server.
pub(in crate::audit) fn lane(count: i64) -> Vec<StoredEvent> {
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
        // Lanes that began before the second format have both.
        let format = match seq % 2 {
            0 => EventFormat::First,
            _ => EventFormat::Second(1),
        };
        previous = chain().link(&place, &event, format).unwrap();
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
            request_id: event.request.id.clone(),
            source: event.request.source.clone(),
            digest: None,
            heads,
            proof_key: format.proof_key(),
            details: None,
            mac: previous.to_vec(),
            after_mark: None,
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
    let edits: [Edit; 18] = [
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
        |event| event.proof_key = None,
        |event| event.proof_key = Some(2),
        |event| event.details = Some("{}".into()),
        |event| (event.proof_key, event.details) = (None, Some("{}".into())),
        |event| event.mac[0] ^= 1,
        |event| event.mac.clear(),
        |event| event.after_mark = Some(2),
        |event| event.after_mark = Some(0),
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
