//! The port for last-used times.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::caller::OrgScope;
use crate::ids::KeyId;
use crate::last_used::LastUsedTimes;
use crate::ports::error::StoreResult;

/// Stores last-used times.
#[async_trait]
pub trait LastUsedStore: Send + Sync {
    /// Stores `uses`. A later stored time is kept. Deleted credentials are skipped.
    /// The operation may fail after storing a part; storing an entry again is harmless.
    async fn store_last_used(&self, uses: &LastUsedTimes) -> StoreResult<()>;
    /// The last-used times of the organization's API keys. Keys that were never used are omitted.
    async fn keys_last_used(&self, scope: OrgScope) -> StoreResult<HashMap<KeyId, DateTime<Utc>>>;
}
