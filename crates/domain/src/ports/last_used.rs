//! The port that stores last-used times.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::caller::OrgScope;
use crate::ids::KeyId;
use crate::last_used::LastUsedTimes;
use crate::ports::error::StoreResult;

/// Keeps last uses.
#[async_trait]
pub trait LastUsedStore: Send + Sync {
    /// Keeps `uses`; where a later one is kept already, that stays. A credential that is not there any more is
    /// left out. May keep some and then fail; keeping one again does no harm.
    async fn store_last_used(&self, uses: LastUsedTimes) -> StoreResult<()>;
    /// When each API key of the organization was last used; those never used are left out.
    async fn keys_last_used(&self, scope: OrgScope) -> StoreResult<HashMap<KeyId, DateTime<Utc>>>;
}
