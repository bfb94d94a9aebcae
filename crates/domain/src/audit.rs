//! The audit trail: what an event says, and how events are chained.
//!
//! Events form one chain per organization and *lane*. A lane is one writer's life, so that servers never
//! queue behind each other's heads. Every event carries a keyed digest over itself and the digest before
//! it; a lane's first event also names the heads of the lanes that were there before it.

mod heads;
mod signed;
mod store;
mod stored;
mod walk;

use chrono::{DateTime, Utc};
use strongroom_crypto::{Context, Digest, Purpose, SecretKey, mac};

use crate::caller::{Actor, Caller};
use crate::credential::{SealedCredential, wire_enum};
use crate::store::Seen;
use crate::{CredentialId, KeyId, LaneId, OrgId};
use serde::Serialize;

pub use heads::{LaneHead, decode_heads, encode_heads};
pub use signed::{Checkpoint, HeadsError, SignedHeads};
pub use store::{
    AuditStore, CheckpointFn, HeadEvidence, PruneMember, PrunePlan, Pruned, Unattested,
};
pub use stored::{
    AuditFilter, AuditPage, EventPlace, StoredEvent, StoredTime, parse_actor, shown_time,
};
pub use walk::{Fault, LaneWalk};

wire_enum! {
    /// What was done, or asked for.
    Action {
        /// An organization was created.
        OrganizationCreate = 1 => "organization.create",
        /// An API key was issued.
        KeyCreate = 2 => "key.create",
        /// An API key was revoked.
        KeyRevoke = 3 => "key.revoke",
        /// A credential was created.
        CredentialCreate = 4 => "credential.create",
        /// Credentials were listed, without secrets.
        CredentialList = 5 => "credential.list",
        /// A credential was read with its secret.
        CredentialReveal = 6 => "credential.reveal",
        /// A credential was changed.
        CredentialUpdate = 7 => "credential.update",
        /// A credential was deleted.
        CredentialDelete = 8 => "credential.delete",
        /// All credentials were deleted; one `credential.delete` for each follows.
        CredentialDeleteAll = 9 => "credential.delete_all",
        /// A known key asked for what it may not: beyond its role, in another organization, or after its end.
        RequestDenied = 10 => "request.denied",
        /// An organization was deleted; its keys live on for the grace period.
        OrganizationDelete = 11 => "organization.delete",
        /// A deleted organization was restored.
        OrganizationRestore = 12 => "organization.restore",
        /// An organization's keys, and then its rows, were destroyed.
        OrganizationDestroy = 13 => "organization.destroy",
        /// A new generation of an organization's key became active.
        OrganizationRotate = 14 => "organization.rotate",
        /// An organization's keys were wrapped by another root key.
        OrganizationRewrap = 15 => "organization.rewrap",
        /// An old generation of an organization's key was destroyed.
        OrganizationRetire = 16 => "organization.retire",
        /// A credential was encrypted anew: another data key, the same content.
        CredentialReseal = 17 => "credential.reseal",
        /// A credential's digest was recorded again, before its write event was pruned.
        CredentialAttest = 18 => "credential.attest",
        /// Old audit events were pruned.
        AuditPrune = 19 => "audit.prune",
        /// The audit trail was read, here or with an export.
        AuditList = 20 => "audit.list",
        /// The organization was copied into a backup, sealed as it is.
        OrganizationBackup = 21 => "organization.backup",
        /// Rows of the organization were restored from a backup.
        OrganizationRestoreBackup = 22 => "organization.restore_backup",
    }
}

wire_enum! {
    /// How it ended.
    Outcome {
        /// It was done.
        Ok = 1 => "ok",
        /// The thing it was about does not exist.
        NotFound = 2 => "not_found",
        /// It was refused.
        Denied = 3 => "denied",
        /// What is stored failed its integrity check.
        IntegrityFailure = 4 => "integrity_failure",
    }
}

/// One event. Holds no secret.
#[derive(Debug, Clone)]
pub struct Event {
    /// When, to the microsecond.
    pub at: DateTime<Utc>,
    /// What.
    pub action: Action,
    /// With what outcome.
    pub outcome: Outcome,
    /// Who: a key's id, `operator` or `anonymous`.
    pub actor: String,
    /// The request's id.
    pub request_id: String,
    /// From where: the peer's address, or `command-line`.
    pub source: String,
    /// The credential concerned.
    pub credential: Option<CredentialId>,
    /// The API key concerned.
    pub key: Option<KeyId>,
    /// The credential's version after the change, or the one that was read or deleted.
    pub version: Option<i64>,
    /// For a write: the digest of the row as written, so that an old row put back is found.
    pub digest: Option<Digest>,
}

impl Event {
    /// An event that `caller` causes now, with outcome [`Outcome::Ok`].
    #[must_use]
    pub fn by(caller: &Caller, action: Action, at: DateTime<Utc>) -> Self {
        Self {
            at,
            action,
            outcome: Outcome::Ok,
            actor: match caller.actor() {
                Actor::Key(id, _) => id.to_string(),
                Actor::Anonymous => "anonymous".to_owned(),
                Actor::Operator => "operator".to_owned(),
            },
            request_id: caller.request().id.clone(),
            source: caller.request().source.clone(),
            credential: None,
            key: None,
            version: None,
            digest: None,
        }
    }

    /// The same event about `credential`.
    #[must_use]
    pub fn about(mut self, credential: CredentialId) -> Self {
        self.credential = Some(credential);
        self
    }

    /// The same event about the API key `key`.
    #[must_use]
    pub fn about_key(mut self, key: KeyId) -> Self {
        self.key = Some(key);
        self
    }

    /// The same event with another outcome.
    #[must_use]
    pub fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// The same event with what was seen of the row that it read.
    #[must_use]
    pub fn of_look(mut self, seen: Seen) -> Self {
        self.outcome = seen.outcome;
        self.version = seen.version;
        self
    }

    /// The same event with the version and digest of the row it wrote.
    #[must_use]
    pub fn of_write(mut self, version: i64, digest: Digest) -> Self {
        self.version = Some(version);
        self.digest = Some(digest);
        self
    }
}

/// Links events into chains under the service's audit key.
#[derive(Debug, Clone)]
pub struct Chain {
    key: SecretKey,
}

/// Where in its chain an event stands.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The organization.
    pub org: OrgId,
    /// The lane.
    pub lane: LaneId,
    /// The sequence number, from 1.
    pub seq: i64,
    /// The digest of the event before; zeros for the first.
    pub previous: &'a Digest,
    /// For the first event: the heads it names, encoded.
    pub heads: Option<&'a [u8]>,
}

impl Chain {
    /// A chain under `key`.
    #[must_use]
    pub fn new(key: SecretKey) -> Self {
        Self { key }
    }

    /// The digest of `event` at `place`: HMAC-SHA-256 over every stored field and the digest before.
    #[must_use]
    pub fn link(&self, place: &Place<'_>, event: &Event) -> Digest {
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

    /// The digest of a credential's row that its write event carries. It leaves out the wrapped data key
    /// and its generation, which rotation replaces without a change to the credential.
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
    use uuid::Uuid;

    use super::*;
    use crate::caller::RequestInfo;

    #[test]
    fn a_link_depends_on_everything_it_covers() {
        let chain = Chain::new(SecretKey::from_slice(&[1; 32]).unwrap());
        let request = RequestInfo {
            id: "r".into(),
            source: "s".into(),
        };
        let caller = Caller::operator(OrgId(Uuid::from_u128(1)), request);
        let event = Event::by(&caller, Action::CredentialCreate, DateTime::UNIX_EPOCH);
        let place = Place {
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
        other.actor = "somebody".into();
        let variants = [
            chain.link(&Place { seq: 2, ..place }, &event),
            chain.link(
                &Place {
                    heads: None,
                    ..place
                },
                &event,
            ),
            chain.link(
                &Place {
                    previous: &[1; 32],
                    ..place
                },
                &event,
            ),
            chain.link(
                &Place {
                    org: OrgId(Uuid::from_u128(9)),
                    ..place
                },
                &event,
            ),
            chain.link(&place, &event.clone().about(id)),
            chain.link(&place, &event.clone().of_write(1, [0; 32])),
            chain.link(&place, &event.clone().with_outcome(Outcome::Denied)),
            chain.link(&place, &other),
        ];
        for (at, variant) in variants.iter().enumerate() {
            assert_ne!(first, *variant, "variant {at}");
        }
    }
}
