//! The port for sessions of the console.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::event::Event;
use crate::caller::OrgScope;
use crate::console_session::StoredSession;
use crate::ids::KeyId;
use crate::ports::audit::EventEvidence;
use crate::ports::error::StoreResult;

/// A change of sessions.
#[derive(Debug, Clone)]
pub enum ConsoleSessionWrite {
    /// Stores a new session.
    Begin(StoredSession),
    /// Deletes a session.
    End(KeyId),
}

/// Which sessions are open.
#[derive(Debug, Clone, Copy)]
pub struct OpenSessions {
    /// Their API key or client; `None` for all of the organization.
    pub holder: Option<KeyId>,
    /// They began after this time.
    pub created_after: DateTime<Utc>,
    /// Their last stored request came after this time.
    pub seen_after: DateTime<Utc>,
}

/// Sessions of the console.
#[async_trait]
pub trait ConsoleSessionStore: Send + Sync {
    /// One session, with what the audit trail says of it.
    async fn console_session(
        &self,
        scope: OrgScope,
        id: KeyId,
    ) -> StoreResult<Option<StoredSession>>;
    /// The ids of all sessions of an API key or client, oldest first.
    async fn console_sessions_of(&self, scope: OrgScope, holder: KeyId) -> StoreResult<Vec<KeyId>>;
    /// At most `limit` open sessions, with what the audit trail says of them, that with the newest
    /// request first.
    async fn open_console_sessions(
        &self,
        scope: OrgScope,
        open: OpenSessions,
        limit: i64,
    ) -> StoreResult<Vec<StoredSession>>;
    /// The recorded beginnings of these sessions, each with the digest before it.
    async fn console_sign_ins(
        &self,
        scope: OrgScope,
        ids: &[KeyId],
    ) -> StoreResult<Vec<EventEvidence>>;
    /// Makes `write` together with its audit event.
    ///
    /// # Errors
    /// `StoreError::NotFound` when there is no such session.
    async fn write_console_session(
        &self,
        scope: OrgScope,
        write: ConsoleSessionWrite,
        event: Event,
    ) -> StoreResult<()>;
    /// Stores the time of a request, unless a later one is stored.
    async fn see_console_session(
        &self,
        scope: OrgScope,
        id: KeyId,
        at: DateTime<Utc>,
    ) -> StoreResult<()>;
    /// Deletes the sessions of these organizations that began before a time.
    async fn forget_console_sessions(
        &self,
        scopes: &[OrgScope],
        before: DateTime<Utc>,
    ) -> StoreResult<()>;
}
