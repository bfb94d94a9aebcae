//! The port for sessions of the console.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::event::Event;
use crate::caller::OrgScope;
use crate::console_session::StoredSession;
use crate::ids::KeyId;
use crate::ports::error::StoreResult;

/// A change of sessions.
#[derive(Debug, Clone)]
pub enum ConsoleSessionWrite {
    /// Stores a new session.
    Begin(StoredSession),
    /// Deletes a session.
    End(KeyId),
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
