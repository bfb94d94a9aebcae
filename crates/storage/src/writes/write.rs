//! A write that waits for its batch.

use chrono::{DateTime, Utc};
use strongroom_domain::api_key::StoredApiKey;
use strongroom_domain::api_key::end::ScheduledEnd;
use strongroom_domain::audit::event::Event;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::credential::{Removal, SealedCredential};
use strongroom_domain::crypto::RootKeyId;
use strongroom_domain::keyring::stored::StoredOrgKey;
use strongroom_domain::organization::NewOrganization;
use strongroom_domain::ports::console_sessions::ConsoleSessionWrite;
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::ports::installation::InstallationChange;
use strongroom_domain::ports::oauth::OauthWrite;
use strongroom_domain::ports::relay::ReadRows;
use strongroom_domain::ports::store::{ChangeFn, Committed, DeleteFn, Opened, Tracking};
use strongroom_domain::relay::stored::StoredPolicy;
use strongroom_domain::rotation::RotationStart;
use strongroom_domain::trace::{TRACE, trace_parent};
use strongroom_domain::{CredentialId, KeyId};
use tokio::sync::oneshot;
use tracing::Span;

/// Where the answer to one request goes.
pub(crate) type Reply<T> = oneshot::Sender<StoreResult<T>>;

/// What a write does besides recording its audit event.
#[derive(Clone)]
pub(crate) enum WriteOp {
    Insert(SealedCredential),
    Change {
        id: CredentialId,
        change: ChangeFn,
    },
    Delete {
        id: CredentialId,
        removal: Removal,
        admit: DeleteFn,
    },
    /// Makes a deleted credential live, as the change says.
    Restore {
        id: CredentialId,
        change: ChangeFn,
    },
    AddOrganization(Box<NewOrganization>),
    DeleteOrganization {
        destroy_after: DateTime<Utc>,
        children: i64,
    },
    RenameOrganization(String),
    RestoreOrganization,
    DestroyOrganization {
        at_once: bool,
    },
    StartRotation {
        previous: i32,
        key: StoredOrgKey,
        start: RotationStart,
    },
    /// Each key with the root key that has wrapped it so far.
    RewrapOrgKeys(Vec<(RootKeyId, StoredOrgKey)>),
    AddApiKey(StoredApiKey),
    RevokeApiKey(KeyId),
    ReplaceApiKey {
        old: KeyId,
        new: StoredApiKey,
    },
    ScheduleKeyEnd {
        id: KeyId,
        end: ScheduledEnd,
    },
    Installation(InstallationChange),
    Oauth(Box<OauthWrite>),
    ConsoleSession(Box<ConsoleSessionWrite>),
    PutPolicy {
        id: CredentialId,
        policy: Box<StoredPolicy>,
    },
    /// Records a use, or a reveal from memory, while these are the current rows.
    RecordIfCurrent(ReadRows),
    Record,
}

/// A write whose result is awaited.
pub(crate) struct Write {
    pub(crate) scope: OrgScope,
    pub(crate) op: WriteOp,
    pub(crate) tracking: Tracking,
    pub(crate) event: Event,
    /// Further events of the write, also of other organizations.
    pub(crate) further: Vec<(OrgScope, Event)>,
    pub(crate) reply: WriteReply,
    pub(crate) trace: QueueTrace,
}

impl Write {
    /// The organizations whose rows or trails the write changes.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = OrgScope> {
        let further = self.further.iter().map(|(scope, _)| *scope);
        std::iter::once(self.scope).chain(further)
    }
}

/// Where the result of a write goes.
pub(crate) enum WriteReply {
    /// To a caller that waits for the commit.
    Committed(Reply<Committed>),
    /// To the caller of a reveal, with the credential that was opened for it.
    Opened(Box<Opened>, Reply<Opened>),
}

impl WriteReply {
    /// Whether the caller no longer waits.
    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Committed(reply) => reply.is_closed(),
            Self::Opened(_, reply) => reply.is_closed(),
        }
    }

    pub(crate) fn send(self, result: StoreResult<Committed>) {
        match self {
            Self::Committed(reply) => drop(reply.send(result)),
            Self::Opened(opened, reply) => drop(reply.send(result.map(|_| *opened))),
        }
    }
}

/// The spans of a request that waits in a queue; disabled unless traces are collected.
pub(crate) struct QueueTrace {
    /// The request's span, the parent of the others.
    request: Span,
    /// Lasts while the request waits.
    waiting: Span,
}

impl QueueTrace {
    /// The trace of the request that is being answered here.
    pub(crate) fn current() -> Self {
        Self::of(trace_parent())
    }

    /// The trace of the request with this span.
    pub(crate) fn of(request: Span) -> Self {
        Self {
            request,
            waiting: Span::none(),
        }
    }

    /// Notes that the request waits in `queue`.
    pub(crate) fn enter_queue(&mut self, queue: &'static str) {
        if !self.request.is_none() {
            self.waiting =
                tracing::info_span!(target: TRACE, parent: &self.request, "queue", queue);
        }
    }

    /// Notes that the request is taken out of its queue. Returns the span of its batch, if there is
    /// one.
    pub(crate) fn leave_queue(&mut self) -> Option<Span> {
        let waited = std::mem::replace(&mut self.waiting, Span::none());
        let database = || tracing::info_span!(target: TRACE, parent: &self.request, "database");
        (!waited.is_disabled()).then(database)
    }
}
