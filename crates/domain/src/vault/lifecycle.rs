//! Numbers of credentials that expire, or that are deleted.

use chrono::{DateTime, Utc};

use crate::caller::{Caller, OrgScope};
use crate::error::VaultError;
use crate::ports::error::StoreResult;
use crate::ports::lifecycle::{CredentialCounter, LifecycleCounts};
use crate::vault::Vault;

impl Vault {
    /// The numbers of the credentials of the callers' organizations.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn lifecycle_counts(
        &self,
        callers: &[Caller],
    ) -> Result<LifecycleCounts, VaultError> {
        Ok(LifecycleCounts::read(self.store.as_ref(), callers, self.now()).await?)
    }

    /// Shows the numbers of all credentials in the counters of this server.
    pub fn show_lifecycle(&self, counts: &LifecycleCounts) {
        let shown = |number: i64| u64::try_from(number).unwrap_or(0);
        let gauges = &self.counters.lifecycle;
        for (gauge, count) in gauges.expiring.iter().zip(counts.expiring) {
            gauge.set(shown(count));
        }
        gauges.deleted.set(shown(counts.deleted));
        gauges.purge_due.set(shown(counts.purge_due));
    }
}

impl LifecycleCounts {
    /// The numbers of the credentials of the callers' organizations.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn read(
        counter: &dyn CredentialCounter,
        callers: &[Caller],
        now: DateTime<Utc>,
    ) -> StoreResult<Self> {
        let scopes: Vec<OrgScope> = callers.iter().map(Caller::scope).collect();
        counter.lifecycle_counts(&scopes, now).await
    }

    /// The sums.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for (sum, count) in self.expiring.iter_mut().zip(other.expiring) {
            *sum += count;
        }
        self.deleted += other.deleted;
        self.purge_due += other.purge_due;
        self
    }
}
