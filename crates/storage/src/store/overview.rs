//! Counts an organization's credentials.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use strongroom_domain::CredentialId;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::credential::CredentialFilter;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::overview::{CredentialCounts, EXPIRING_WITHIN, KindCount, UNUSED_AFTER};
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::ports::overview::OverviewStore;
use tokio_postgres::types::ToSql;

use crate::rows::{get, named};
use crate::sql;
use crate::store::listing::Matching;
use crate::store::{PgStore, query_on};

#[async_trait]
impl OverviewStore for PgStore {
    async fn credential_counts(
        &self,
        scope: OrgScope,
        filter: &CredentialFilter,
        now: DateTime<Utc>,
    ) -> StoreResult<CredentialCounts> {
        let (org, matching) = (scope.org().0, Matching::of(filter));
        let [week, month, quarter] = EXPIRING_WITHIN.map(|days| now + TimeDelta::days(days));
        let unused_since = now - TimeDelta::days(UNUSED_AFTER);
        let first_id = CredentialId::first_at(unused_since).0;
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&org];
        let filtered = *filter != CredentialFilter::default();
        let statement = match filtered {
            false => sql::CREDENTIAL_COUNTS,
            true => sql::MATCHING_COUNTS,
        };
        if filtered {
            params.extend(matching.params());
        }
        params.extend_from_slice(&[&now, &week, &month, &quarter, &unused_since, &first_id]);
        let _turn = self.scans.acquire().await;
        let rows = query_on(self.reading(), scope, statement, &params).await?;
        let mut counts = CredentialCounts::default();
        for row in &rows {
            counts.kinds.push(KindCount {
                provider: named(row, "provider", Provider::parse)?,
                kind: named(row, "cred_type", CredentialType::parse)?,
                count: get(row, "total")?,
            });
            counts.expired += get::<i64>(row, "expired")?;
            for (sum, column) in counts.expiring.iter_mut().zip(["week", "month", "quarter"]) {
                *sum += get::<i64>(row, column)?;
            }
            counts.unused += get::<i64>(row, "unused")?;
        }
        Ok(counts)
    }
}
