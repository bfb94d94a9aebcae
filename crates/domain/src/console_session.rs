//! Sessions of the console: the text in their cookie, and the keyed digest that is stored.
//!
//! The text is `srw_<id>_<secret>`; see [`crate::issued_text`].

use chrono::{DateTime, TimeDelta, Utc};
use strongroom_crypto::{Context, Digest, Purpose, SecretKey, mac, verify_mac};

use crate::api_key::StoredApiKey;
use crate::caller::Actor;
use crate::ids::{KeyId, OrgId};
use crate::issued_text::Token;
use crate::kinds::wire_enum;
use crate::oauth::client::StoredClient;
use crate::permission::Role;

/// A session ends this long after it began.
pub const LONGEST: TimeDelta = TimeDelta::hours(8);
/// A session ends this long after its last request.
pub const LONGEST_IDLE: TimeDelta = TimeDelta::minutes(15);
/// The time of the last request is stored when the stored one is this old.
pub const SEEN_INTERVAL: TimeDelta = TimeDelta::minutes(1);

wire_enum! {
    /// What a session was begun with.
    HolderKind {
        /// An API key.
        Key = 1 => "key",
        /// An OAuth 2.0 client.
        Client = 2 => "client",
    }
}

/// A session with its secret.
pub(crate) type SessionToken = Token<'w'>;

/// A session as stored in the database. Its digest covers all of it but the time of the last
/// request.
#[derive(Debug, Clone)]
pub struct StoredSession {
    /// The organization of the key or client.
    pub org: OrgId,
    /// The id.
    pub id: KeyId,
    /// What the session was begun with.
    pub holder_kind: HolderKind,
    /// The API key or client.
    pub holder: KeyId,
    /// The time at which it began.
    pub created_at: DateTime<Utc>,
    /// The time of a recent request.
    pub last_seen_at: DateTime<Utc>,
    /// Keyed digest over all of the above but the last, the secret, and the key or client.
    pub digest: Vec<u8>,
    /// Whether the audit trail records its beginning.
    pub began: bool,
    /// Whether the audit trail records its end, which deleted its row.
    pub ended: bool,
}

/// The row of the API key or client of a session.
#[derive(Debug, Clone, Copy)]
pub enum Holder<'a> {
    /// An API key.
    Key(&'a StoredApiKey),
    /// An OAuth 2.0 client.
    Client(&'a StoredClient),
    /// There is none any more.
    Gone,
}

/// Why a session has ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeEnd {
    /// Nothing was requested for [`LONGEST_IDLE`].
    Idle,
    /// It began [`LONGEST`] ago.
    Expired,
}

impl TimeEnd {
    /// The name in the audit trail.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Expired => "expired",
        }
    }
}

impl SessionToken {
    /// The digest to store in `row`, whose key or client is `holder`.
    ///
    /// # Errors
    /// If the limits of the key cannot be encoded, which is a defect.
    pub(crate) fn digest(
        &self,
        key: &SecretKey,
        row: &StoredSession,
        holder: Holder<'_>,
    ) -> serde_json::Result<Digest> {
        Ok(mac(key, &row.context(holder)?, self.secret.expose()))
    }

    /// Whether `stored` is the row of this session, as it began, and `holder` still has the secret
    /// and, if it is a key, the limits with which it began.
    pub(crate) fn matches(
        &self,
        key: &SecretKey,
        stored: &StoredSession,
        holder: Holder<'_>,
    ) -> bool {
        let Ok(context) = stored.context(holder) else {
            return false;
        };
        let is_own = stored.org == self.org && stored.id == self.id;
        is_own && verify_mac(key, &context, self.secret.expose(), &stored.digest)
    }

    /// The token that the forms of the session contain.
    pub(crate) fn form_token(&self, key: &SecretKey) -> Digest {
        mac(key, &self.form_context(), self.secret.expose())
    }

    /// Whether `token` is [`Self::form_token`]. The comparison takes constant time.
    pub(crate) fn is_form_token(&self, key: &SecretKey, token: &[u8]) -> bool {
        verify_mac(key, &self.form_context(), self.secret.expose(), token)
    }

    fn form_context(&self) -> Context {
        Context::new(Purpose::ConsoleForm)
            .uuid(self.org.0)
            .uuid(self.id.0)
    }
}

impl StoredSession {
    /// Why the session has ended at the time `now`, if it has.
    #[must_use]
    pub fn end(&self, now: DateTime<Utc>) -> Option<TimeEnd> {
        if now - self.created_at >= LONGEST {
            return Some(TimeEnd::Expired);
        }
        (now - self.last_seen_at >= LONGEST_IDLE).then_some(TimeEnd::Idle)
    }

    // Of an API key nothing but its digest proves its limits and its expiry, and that takes the
    // secret of the key. A session has no such secret, so that its own digest binds them.
    fn context(&self, holder: Holder<'_>) -> serde_json::Result<Context> {
        let context = Context::new(Purpose::ConsoleSession)
            .uuid(self.org.0)
            .uuid(self.id.0)
            .u8(self.holder_kind.code())
            .uuid(self.holder.0)
            .i64(self.created_at.timestamp_micros());
        Ok(match holder {
            Holder::Key(key) => context
                .u8(key.limits.role.map_or(0, Role::code))
                .bytes(key.limits.to_text()?.as_bytes())
                .optional(key.expires_at, |context, at| {
                    context.i64(at.timestamp_micros())
                })
                .bytes(&key.digest),
            Holder::Client(client) => context.bytes(&client.digest),
            Holder::Gone => context,
        })
    }
}

impl StoredSession {
    /// The row of a session that `actor` of `org` begins at the time `now`, without its digest;
    /// `None` if the actor has neither a key nor a client.
    pub(crate) fn new(org: OrgId, id: KeyId, actor: Actor, now: DateTime<Utc>) -> Option<Self> {
        let (holder_kind, holder) = match actor {
            Actor::Key(key) => (HolderKind::Key, key),
            Actor::Client(client) => (HolderKind::Client, client),
            Actor::Anonymous | Actor::Operator => return None,
        };
        Some(Self {
            org,
            id,
            holder_kind,
            holder,
            created_at: now,
            last_seen_at: now,
            digest: Vec::new(),
            began: false,
            ended: false,
        })
    }
}

#[cfg(test)]
mod tests;
