//! The port for the names of keys and clients.

use async_trait::async_trait;

use crate::actor_names::ActorName;
use crate::caller::OrgScope;
use crate::ids::KeyId;
use crate::ports::error::StoreResult;

/// Reads names.
#[async_trait]
pub trait ActorNameStore: Send + Sync {
    /// The names of those of the organization's API keys and OAuth 2.0 clients that `ids` name.
    /// Ended ones are among them.
    async fn actor_names(&self, scope: OrgScope, ids: &[KeyId]) -> StoreResult<Vec<ActorName>>;
}
