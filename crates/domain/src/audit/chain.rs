//! The keyed digests that link events into chains.

use strongroom_crypto::{Context, Digest, Purpose, SecretKey, mac};

use crate::audit::event::Event;
use crate::credential::SealedCredential;
use crate::ids::{LaneId, OrgId};

/// Links events into chains with the service's audit key.
#[derive(Debug, Clone)]
pub struct Chain {
    key: SecretKey,
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
    /// For the first event: the encoded heads that it names.
    pub heads: Option<&'a [u8]>,
}

impl Chain {
    /// Creates a chain with `key`.
    #[must_use]
    pub fn new(key: SecretKey) -> Self {
        Self { key }
    }

    /// The digest of `event` at `place`: HMAC-SHA-256 over all stored fields and the previous
    /// digest.
    #[must_use]
    pub fn link(&self, place: &ChainPosition<'_>, event: &Event) -> Digest {
        let context = Context::new(Purpose::AuditEvent)
            .uuid(place.org.0)
            .uuid(place.lane.0)
            .i64(place.seq)
            .bytes(place.previous)
            .optional(place.heads, Context::bytes)
            .i64(event.at.timestamp_micros())
            .u8(event.action.code())
            .u8(event.outcome.code())
            .bytes(event.actor.as_bytes())
            .bytes(event.request_id.as_bytes())
            .bytes(event.source.as_bytes())
            .optional(event.credential, |context, id| context.uuid(id.0))
            .optional(event.key, |context, id| context.uuid(id.0))
            .optional(event.version, Context::i64)
            .optional(event.digest.as_ref(), |context, digest| {
                context.bytes(digest)
            });
        mac(&self.key, &context, b"")
    }

    /// The digest of a credential's row in its write event. It omits the wrapped data key and its
    /// generation, which a rotation replaces without changing the credential.
    #[must_use]
    pub fn row_digest(&self, org: OrgId, row: &SealedCredential) -> Digest {
        let context = Context::new(Purpose::CredentialDigest)
            .uuid(org.0)
            .uuid(row.id.0)
            .i64(row.version)
            .u8(row.provider.code())
            .u8(row.kind.code())
            .bytes(row.label.as_str().as_bytes())
            .optional(row.pieces_user.as_deref(), |context, user| {
                context.bytes(user.as_bytes())
            });
        mac(&self.key, &context, &row.sealed_blob)
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
        let first = chain.link(&place, &event);
        assert_eq!(first, chain.link(&place, &event));
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
            event.clone().of_write(1, [0; 32]),
            event.clone().with_outcome(Outcome::Denied),
            other,
        ];
        let moved = places.iter().map(|place| chain.link(place, &event));
        let altered = events.iter().map(|event| chain.link(&place, event));
        let variants: Vec<_> = moved.chain(altered).collect();
        for (at, variant) in variants.iter().enumerate() {
            assert_ne!(first, *variant, "variant {at}");
        }
    }
}
