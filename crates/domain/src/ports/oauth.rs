//! The port for OAuth 2.0 clients and access tokens.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::event::Event;
use crate::caller::OrgScope;
use crate::ids::KeyId;
use crate::oauth::client::StoredClient;
use crate::oauth::token::StoredToken;
use crate::ports::error::StoreResult;
use crate::replication::{OperationId, WalPosition};

/// A change of clients or access tokens.
#[derive(Debug, Clone)]
pub enum OauthWrite {
    /// Stores a new client.
    AddClient(StoredClient),
    /// Replaces a client whose version is one less.
    ReplaceClient(StoredClient),
    /// Ends a client for good, with this next version, at the time of the event.
    EndClient {
        /// The client.
        id: KeyId,
        /// Its version from now on.
        version: i64,
    },
    /// Stores a new access token.
    AddToken(StoredToken),
    /// Deletes an access token.
    DeleteToken(KeyId),
}

/// OAuth 2.0 clients and access tokens. Every write commits together with its audit event.
#[async_trait]
pub trait OauthStore: Send + Sync {
    /// One client, unless it has ended or its organization is deleted.
    async fn oauth_client(&self, scope: OrgScope, id: KeyId) -> StoreResult<Option<StoredClient>>;
    /// All clients of the organization that have not ended, oldest first.
    async fn oauth_clients(&self, scope: OrgScope) -> StoreResult<Vec<StoredClient>>;
    /// The versions of clients, also of ended ones, that no event recorded from `cut` on.
    async fn unattested_clients(
        &self,
        scope: OrgScope,
        cut: DateTime<Utc>,
    ) -> StoreResult<Vec<UnattestedClient>>;
    /// One access token.
    async fn access_token(&self, scope: OrgScope, id: KeyId) -> StoreResult<Option<StoredToken>>;
    /// Makes `write`, with a row for `operation` that shows where it has arrived. Tells every
    /// server of changes of what it may have cached. Returns the end of the write in the primary's
    /// log, if there is an operation.
    ///
    /// # Errors
    /// `StoreError::Conflict` when the client has another version, or has ended,
    /// `StoreError::NotFound` when there is no such token.
    async fn write_oauth(
        &self,
        scope: OrgScope,
        write: OauthWrite,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Option<WalPosition>>;
    /// Deletes the access tokens of these organizations that expired before a time.
    async fn forget_access_tokens(
        &self,
        scopes: &[OrgScope],
        before: DateTime<Utc>,
    ) -> StoreResult<()>;
}

/// A client that a prune of the audit trail would leave without an event of its version.
#[derive(Debug, Clone)]
pub enum UnattestedClient {
    /// A client.
    Live(StoredClient),
    /// An ended client, and its last version.
    Ended(KeyId, i64),
}
