//! Events as read from the database. Their content is not trusted before verification.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use data_encoding::HEXLOWER;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event, Outcome};
use crate::audit::format::EventFormat;
use crate::caller::RequestInfo;
use crate::ids::{CredentialId, KeyId, LaneId};
use crate::oauth::client::{client_id, parse_client_id};

/// A stored time: microseconds since 1970-01-01T00:00:00Z. The two extremes are PostgreSQL's
/// infinities, which no server writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredTime(pub i64);

impl StoredTime {
    /// Before every event.
    pub const MIN: Self = Self(i64::MIN);
    /// After every event.
    pub const MAX: Self = Self(i64::MAX);

    /// The time, or `None` if it is out of range.
    #[must_use]
    pub fn time(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.0)
    }
}

impl From<DateTime<Utc>> for StoredTime {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_micros())
    }
}

impl Serialize for StoredTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.time() {
            Some(time) => serializer.serialize_str(&format_time(time)),
            None => serializer.serialize_str("out of range"),
        }
    }
}

/// Formats a time as RFC 3339 in UTC with microseconds, the precision that an event's digest
/// covers.
#[must_use]
pub fn format_time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The position of an event among its organization's events, usable in every sort order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPosition {
    /// The time.
    pub at: StoredTime,
    /// The lane.
    pub lane: LaneId,
    /// The sequence number in the lane.
    pub seq: i64,
}

impl EventPosition {
    /// A place before every event, in every order of events.
    pub const FIRST: Self = Self {
        at: StoredTime::MIN,
        lane: LaneId(Uuid::nil()),
        seq: i64::MIN,
    };
    /// A place after every event, in every order of events.
    pub const LAST: Self = Self {
        at: StoredTime::MAX,
        lane: LaneId(Uuid::max()),
        seq: i64::MAX,
    };

    /// After which all events before the time `at` come, newest first.
    #[must_use]
    pub fn before(at: StoredTime) -> Self {
        Self {
            at,
            lane: LaneId(Uuid::nil()),
            seq: i64::MIN,
        }
    }
}

/// A stored event. Binary columns serialize as hexadecimal digits.
#[derive(Debug, Clone, Serialize)]
pub struct StoredEvent {
    /// The lane.
    pub lane: LaneId,
    /// The sequence number in the lane, starting at 1.
    pub seq: i64,
    /// The time.
    pub at: StoredTime,
    /// An [`Action`]'s name.
    pub action: String,
    /// An [`Outcome`]'s name.
    pub outcome: String,
    /// A key's id, `operator` or `anonymous`.
    pub actor: String,
    /// The credential, if the event concerns one.
    pub credential_id: Option<CredentialId>,
    /// The API key, if the event concerns one.
    pub key_id: Option<KeyId>,
    /// The credential's version.
    pub version: Option<i64>,
    /// The request's id.
    pub request_id: String,
    /// The peer's IP address, or `command-line`.
    pub source: String,
    /// For a write: the digest of the row.
    #[serde(serialize_with = "optional_hex")]
    pub digest: Option<Vec<u8>>,
    /// The heads of other lanes that it names; the first event of a lane does, and one an hour.
    #[serde(serialize_with = "optional_hex")]
    pub heads: Option<Vec<u8>>,
    /// The generation of the service key that proves the event; `None` in the first format.
    pub proof_key: Option<i32>,
    /// Further members, as JSON.
    #[serde(serialize_with = "optional_json")]
    pub details: Option<String>,
    /// The chain digest.
    #[serde(serialize_with = "hex")]
    pub mac: Vec<u8>,
    /// How many events after its [`Mark`](crate::audit::mark::Mark) the event is in its lane;
    /// `None` for a mark. It says how the event is found, and is no part of it.
    #[serde(skip)]
    pub after_mark: Option<i16>,
}

impl StoredEvent {
    /// The version of the credential's value: that of the row, unless the details name another one.
    #[must_use]
    pub fn value_version(&self) -> Option<i64> {
        self.credential_id?;
        let details = self.details.clone().map(Details::stored);
        let named = details.and_then(|details| details.get("value_version")?.as_i64());
        named.or(self.version)
    }

    /// The position of the event.
    #[must_use]
    pub fn position(&self) -> EventPosition {
        EventPosition {
            at: self.at,
            lane: self.lane,
            seq: self.seq,
        }
    }

    /// The recorded event, or `None` if no server can have recorded it.
    #[must_use]
    pub fn event(&self) -> Option<Event> {
        let digest = match &self.digest {
            None => None,
            Some(digest) => Some(digest.as_slice().try_into().ok()?),
        };
        Some(Event {
            at: self.at.time()?,
            action: Action::parse(&self.action)?,
            outcome: Outcome::parse(&self.outcome)?,
            actor: self.actor.clone(),
            request: Arc::new(RequestInfo {
                id: self.request_id.clone(),
                source: self.source.clone(),
            }),
            credential: self.credential_id,
            key: self.key_id,
            version: self.version,
            digest,
            details: self.details.clone().map(Details::stored),
        })
    }

    /// The format of the event.
    #[must_use]
    pub fn format(&self) -> EventFormat {
        self.proof_key
            .map_or(EventFormat::First, EventFormat::Second)
    }
}

pub(super) fn hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&HEXLOWER.encode(bytes))
}

fn optional_hex<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    match bytes {
        None => serializer.serialize_none(),
        Some(bytes) => hex(bytes, serializer),
    }
}

// Details that are not JSON were not written by a server; they are shown as text.
fn optional_json<S: Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    match text.as_deref().map(serde_json::from_str::<&RawValue>) {
        Some(Ok(json)) => json.serialize(serializer),
        _ => text.serialize(serializer),
    }
}

/// A filter of events for lists and exports. Absent members match all events.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Events at or after this time.
    pub since: Option<DateTime<Utc>>,
    /// Events before this time.
    pub until: Option<DateTime<Utc>>,
    /// Events of this actor, in the form of [`StoredEvent::actor`].
    pub actor: Option<String>,
    /// Events that concern this credential.
    pub credential: Option<CredentialId>,
    /// Events with this action.
    pub action: Option<Action>,
    /// Events with another action than this.
    pub without: Option<Action>,
    /// Events with this outcome.
    pub outcome: Option<Outcome>,
}

impl AuditFilter {
    /// Whether an index has the events in the order of a list: the filter demands no more than
    /// times and a credential.
    #[must_use]
    pub fn is_indexed(&self) -> bool {
        let Self {
            actor,
            action,
            without,
            outcome,
            ..
        } = self;
        actor.is_none() && action.is_none() && without.is_none() && outcome.is_none()
    }

    /// Whether `event` has the members that the filter demands. Its time is not compared.
    #[must_use]
    pub fn has_members_of(&self, event: &StoredEvent) -> bool {
        let action = self.action.map(Action::as_str);
        let without = self.without.map(Action::as_str);
        let outcome = self.outcome.map(Outcome::as_str);
        self.actor
            .as_ref()
            .is_none_or(|actor| *actor == event.actor)
            && self
                .credential
                .is_none_or(|id| event.credential_id == Some(id))
            && action.is_none_or(|action| action == event.action)
            && without.is_none_or(|without| without != event.action)
            && outcome.is_none_or(|outcome| outcome == event.outcome)
    }
}

/// One page of events, newest first.
#[derive(Debug)]
pub struct AuditPage {
    /// The events.
    pub items: Vec<StoredEvent>,
    /// The position after which the next page starts; `None` on the last page.
    pub next: Option<EventPosition>,
    /// If a search ended before the page was full: the time of the oldest event that it compared.
    pub searched_to: Option<StoredTime>,
}

/// Parses an actor: the id of a key or client, `operator` or `anonymous`. Returns its form in
/// events.
#[must_use]
pub fn parse_actor(text: &str) -> Option<String> {
    match text {
        "operator" | "anonymous" => Some(text.to_owned()),
        id => KeyId::parse(id).map(|id| id.to_string()).or_else(|| {
            let (org, id) = parse_client_id(id)?;
            Some(client_id(org, id))
        }),
    }
}
