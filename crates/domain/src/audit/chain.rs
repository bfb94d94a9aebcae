//! The keyed digests that link events into chains.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::RwLock;
use strongroom_crypto::{Context, Digest, Purpose, SecretKey, mac};

use crate::audit::event::Event;
use crate::audit::format::EventFormat;
use crate::audit::stored::StoredEvent;
use crate::idempotency::{EarlierRequest, IdempotencyRecord};
use crate::ids::{LaneId, OrgId};
use crate::record_format::RecordFormat;
use crate::replication::OPERATION_RETENTION;
use crate::scrub::ScrubResult;

/// The generation of the service key that proves events. Replacing a service key adds a
/// generation, under which later events are proved.
pub(super) const PROOF_KEY: i32 = 1;

/// Links events into chains with the service's audit key.
#[derive(Debug, Clone)]
pub struct Chain {
    pub(super) key: SecretKey,
    /// The format of new records; shared by all clones.
    record_format: Arc<RwLock<RecordFormat>>,
}

/// The position of an event in its chain.
#[derive(Debug, Clone, Copy)]
pub struct ChainPosition<'a> {
    /// The organization.
    pub org: OrgId,
    /// The lane.
    pub lane: LaneId,
    /// The sequence number, from 1.
    pub seq: i64,
    /// The digest of the previous event; zeros for the first.
    pub previous: &'a Digest,
    /// The encoded heads that the event names, if it names any.
    pub heads: Option<&'a [u8]>,
}

impl Chain {
    /// Creates a chain with `key`. New events have the first format until
    /// [`Self::write_format`] is called.
    #[must_use]
    pub fn new(key: SecretKey) -> Self {
        Self {
            key,
            record_format: Arc::new(RwLock::new(RecordFormat::FIRST)),
        }
    }

    /// Sets the record format of new events, also for all clones of this chain.
    pub fn write_format(&self, record_format: RecordFormat) {
        *self.record_format.write() = record_format;
    }

    /// The record format that is set.
    #[must_use]
    pub fn record_format(&self) -> i32 {
        self.record_format.read().format
    }

    /// The format of new events.
    #[must_use]
    pub fn format(&self) -> EventFormat {
        match self.record_format() {
            ..=1 => EventFormat::First,
            _ => EventFormat::Second(PROOF_KEY),
        }
    }

    /// The digest of `event` at `place`: HMAC-SHA-256 over all stored fields and the previous
    /// digest. `None` if no event can have this format: details in the first one, or an unknown
    /// generation of the service key.
    #[must_use]
    pub fn link(
        &self,
        place: &ChainPosition<'_>,
        event: &Event,
        format: EventFormat,
    ) -> Option<Digest> {
        let context = match format {
            EventFormat::First if event.details.is_none() => Context::new(Purpose::AuditEvent),
            EventFormat::Second(PROOF_KEY) => Context::in_format(Purpose::AuditEvent, 2)
                .i64(PROOF_KEY.into())
                .optional(event.details.as_ref(), |context, details| {
                    context.bytes(details.as_str().as_bytes())
                }),
            EventFormat::First | EventFormat::Second(_) => return None,
        };
        let context = context
            .uuid(place.org.0)
            .uuid(place.lane.0)
            .i64(place.seq)
            .bytes(place.previous)
            .optional(place.heads, Context::bytes)
            .i64(event.at.timestamp_micros())
            .u8(event.action.code())
            .u8(event.outcome.code())
            .bytes(event.actor.as_bytes())
            .bytes(event.request.id.as_bytes())
            .bytes(event.request.source.as_bytes())
            .optional(event.credential, |context, id| context.uuid(id.0))
            .optional(event.key, |context, id| context.uuid(id.0))
            .optional(event.version, Context::i64)
            .optional(event.digest.as_ref(), |context, digest| {
                context.bytes(digest)
            });
        Some(mac(&self.key, &context, b""))
    }

    /// The event that `stored` is, if its digest is genuine. `previous` is the digest of the event
    /// before it in its lane.
    #[must_use]
    pub fn prove(
        &self,
        org: OrgId,
        stored: &StoredEvent,
        previous: Option<&[u8]>,
    ) -> Option<Event> {
        let previous = match (stored.seq, previous) {
            (1, _) => [0; 32],
            (_, previous) => previous?.try_into().ok()?,
        };
        let place = ChainPosition {
            org,
            lane: stored.lane,
            seq: stored.seq,
            previous: &previous,
            heads: stored.heads.as_deref(),
        };
        let event = stored.event()?;
        let mac = self.link(&place, &event, stored.format())?;
        (stored.mac == mac).then_some(event)
    }

    /// The proof of an idempotency record, which a repeated request is answered with.
    #[must_use]
    pub fn prove_idempotency(
        &self,
        org: OrgId,
        record: &IdempotencyRecord,
        first: &EarlierRequest,
    ) -> Digest {
        let context = Context::new(Purpose::IdempotencyRecord)
            .i64(PROOF_KEY.into())
            .uuid(org.0)
            .bytes(&record.key)
            .bytes(&record.request)
            .uuid(first.credential.0)
            .uuid(first.operation.0)
            .i64(record.expires_at.timestamp_micros());
        mac(&self.key, &context, b"")
    }

    /// Whether `stored` is the proof of this idempotency record at the time `now`. A record without
    /// one may be of an earlier version, until such records have expired.
    #[must_use]
    pub fn is_idempotency_record(
        &self,
        org: OrgId,
        record: &IdempotencyRecord,
        first: &EarlierRequest,
        stored: Option<&[u8]>,
        now: DateTime<Utc>,
    ) -> bool {
        let RecordFormat { format, since } = *self.record_format.read();
        match stored {
            Some(stored) => self.prove_idempotency(org, record, first) == stored,
            None => format < 2 || now < since + OPERATION_RETENTION,
        }
    }

    /// The proof of the result of a scrub.
    #[must_use]
    pub fn prove_scrub_result(&self, result: &ScrubResult) -> Digest {
        let context = Context::new(Purpose::ScrubResult)
            .i64(PROOF_KEY.into())
            .i64(result.ended_at.timestamp_micros())
            .i64(result.credentials)
            .i64(result.findings)
            .i64(result.events)
            .i64(result.trail_findings);
        mac(&self.key, &context, b"")
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::audit::event::{Action, Outcome};
    use crate::caller::{Caller, RequestInfo};
    use crate::ids::CredentialId;

    #[test]
    fn a_link_depends_on_everything_it_covers() {
        let chain = Chain::new(SecretKey::from_slice(&[1; 32]).unwrap());
        let request = RequestInfo {
            id: "r".into(),
            source: "s".into(),
        };
        let caller = Caller::operator(OrgId(Uuid::from_u128(1)), request);
        let event = Event::by(&caller, Action::CredentialCreate, DateTime::UNIX_EPOCH);
        let place = ChainPosition {
            org: caller.org(),
            lane: LaneId(Uuid::from_u128(2)),
            seq: 1,
            previous: &[0; 32],
            heads: Some(&[]),
        };
        let format = EventFormat::Second(1);
        let first = chain.link(&place, &event, format);
        assert_eq!(first, chain.link(&place, &event, format));
        let id = CredentialId(Uuid::from_u128(3));
        let mut other = event.clone();
        other.actor = "other".into();
        let other_org = OrgId(Uuid::from_u128(9));
        let places = [
            ChainPosition { seq: 2, ..place },
            ChainPosition {
                heads: None,
                ..place
            },
            ChainPosition {
                previous: &[1; 32],
                ..place
            },
            ChainPosition {
                org: other_org,
                ..place
            },
        ];
        let events = [
            event.clone().about(id),
            event.clone().of_version(1, 1),
            event.clone().with_outcome(Outcome::Denied),
            other,
        ];
        let moved = places.iter().map(|place| chain.link(place, &event, format));
        let altered = events.iter().map(|event| chain.link(&place, event, format));
        let variants: Vec<_> = moved.chain(altered).collect();
        for (at, variant) in variants.iter().enumerate() {
            assert_ne!(first, *variant, "variant {at}");
        }
    }
}
