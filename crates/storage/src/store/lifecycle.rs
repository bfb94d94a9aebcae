//! Other values, deletions and expiry of credentials.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use strongroom_domain::CredentialId;
use strongroom_domain::audit::details::Details;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::credential::{CredentialFilter, SealedCredential};
use strongroom_domain::history::Current;
use strongroom_domain::ports::audit::{EventEvidence, LastRead, ValueWrite};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::ports::lifecycle::{
    CredentialCounter, EXPIRY_WINDOWS, LifecycleCounts, LifecycleStore, PurgePlace,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::connect::database::Database;
use crate::rows::get;
use crate::store::audit::evidence_of;
use crate::store::listing::Matching;
use crate::store::{PgStore, query_on};
use crate::transaction::statement::Bound;
use crate::transaction::{OrgTransaction, with_deadline};
use crate::{credential_rows, sql};

#[async_trait]
impl LifecycleStore for PgStore {
    async fn deletions(
        &self,
        scope: OrgScope,
        id: CredentialId,
    ) -> StoreResult<Vec<EventEvidence>> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &id.0];
        let rows = self.query(scope, sql::DELETIONS, params).await?;
        rows.iter().map(evidence_of).collect()
    }

    async fn purge_due(
        &self,
        scope: OrgScope,
        now: DateTime<Utc>,
        after: Option<PurgePlace>,
        limit: i64,
    ) -> StoreResult<Vec<PurgePlace>> {
        let after = after.map_or((DateTime::UNIX_EPOCH, Uuid::nil()), |(at, id)| (at, id.0));
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &now, &after.0, &after.1, &limit];
        let rows = self.query(scope, sql::PURGE_DUE, params).await?;
        let place = |row: &Row| {
            Ok((
                get(row, "recover_until")?,
                CredentialId(get(row, "cred_id")?),
            ))
        };
        rows.iter().map(place).collect()
    }

    async fn unattested_deletions(
        &self,
        scope: OrgScope,
        cut: DateTime<Utc>,
        after: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<SealedCredential>> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &cut, &after.0, &limit];
        let rows = self.query(scope, sql::UNATTESTED_DELETIONS, params).await?;
        let read = |row| credential_rows::sealed_credential(row).map(|(_, row)| row);
        rows.iter().map(read).collect()
    }

    async fn current(
        &self,
        scope: OrgScope,
        id: CredentialId,
        replica: bool,
    ) -> StoreResult<Option<Current>> {
        let database = if replica {
            self.reading()
        } else {
            &self.database
        };
        let (org, ids) = (scope.org().0, vec![id.0]);
        let statements = [
            Bound {
                sql: sql::CURRENT,
                params: vec![&org, &id.0],
            },
            Bound {
                sql: sql::VERSIONS,
                params: vec![&org, &ids],
            },
        ];
        let scopes = [scope];
        let read = OrgTransaction::read(database, &scopes, &statements);
        let found = with_deadline(database, read).await?;
        let [current, versions] = found.as_slice() else {
            return Err(StoreError::Internal("a result is missing".into()));
        };
        let Some(row) = current.first() else {
            return Ok(None);
        };
        let versions = versions.iter().map(credential_rows::stored_version);
        Ok(Some(Current {
            row: credential_rows::sealed_credential(row)?.1,
            versions: versions.collect::<StoreResult<_>>()?,
        }))
    }

    async fn adoption(
        &self,
        scope: OrgScope,
        id: CredentialId,
    ) -> StoreResult<(Vec<ValueWrite>, Vec<LastRead>)> {
        let _turn = self.scans.acquire().await;
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &id.0];
        let writes = self.query(scope, sql::VALUE_WRITES, params).await?;
        let reads = self.query(scope, sql::LAST_READS, params).await?;
        let write = |row: &Row| {
            let version = get(row, "version")?;
            let details: Option<String> = get(row, "details")?;
            let named = details.map(Details::stored);
            let named = named.and_then(|details| details.get("value_version")?.as_i64());
            Ok(ValueWrite {
                version,
                value_version: named.unwrap_or(version),
            })
        };
        let read = |row: &Row| {
            Ok(LastRead {
                actor: get(row, "actor")?,
                at: get(row, "at")?,
                version: get(row, "version")?,
            })
        };
        let writes = writes.iter().map(write).collect::<StoreResult<_>>()?;
        let reads = reads.iter().map(read).collect::<StoreResult<_>>()?;
        Ok((writes, reads))
    }

    async fn labeled(
        &self,
        scope: OrgScope,
        filter: &CredentialFilter,
        limit: i64,
        replica: bool,
    ) -> StoreResult<Vec<CredentialId>> {
        let database = if replica {
            self.reading()
        } else {
            &self.database
        };
        let (org, matching) = (scope.org().0, Matching::of(filter));
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&org];
        params.extend(matching.params());
        params.push(&limit);
        let rows = query_on(database, scope, sql::LABELED, &params).await?;
        let id = |row: &Row| Ok(CredentialId(get(row, "cred_id")?));
        rows.iter().map(id).collect()
    }

    async fn versions_beyond(
        &self,
        scope: OrgScope,
        kept: i64,
        after: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<CredentialId>> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &kept, &after.0, &limit];
        let rows = self.query(scope, sql::VERSIONS_BEYOND, params).await?;
        let id = |row: &Row| Ok(CredentialId(get(row, "cred_id")?));
        rows.iter().map(id).collect()
    }
}

#[async_trait]
impl CredentialCounter for PgStore {
    async fn lifecycle_counts(
        &self,
        scopes: &[OrgScope],
        now: DateTime<Utc>,
    ) -> StoreResult<LifecycleCounts> {
        self.database.lifecycle_counts(scopes, now).await
    }
}

#[async_trait]
impl CredentialCounter for Database {
    async fn lifecycle_counts(
        &self,
        scopes: &[OrgScope],
        now: DateTime<Utc>,
    ) -> StoreResult<LifecycleCounts> {
        let orgs: Vec<Uuid> = scopes.iter().map(|scope| scope.org().0).collect();
        let [expired, week, month, quarter] =
            EXPIRY_WINDOWS.map(|days| now + TimeDelta::days(days));
        let statements = [
            Bound {
                sql: sql::EXPIRING_COUNT,
                params: vec![&orgs, &expired, &week, &month, &quarter],
            },
            Bound {
                sql: sql::DELETED_COUNT,
                params: vec![&orgs, &now],
            },
        ];
        let read = OrgTransaction::read(self, scopes, &statements);
        let found = with_deadline(self, read).await?;
        let mut counts = LifecycleCounts::default();
        for row in found.iter().take(1).flatten() {
            for (at, column) in ["expired", "week", "month", "quarter"].iter().enumerate() {
                counts.expiring[at] = get(row, column)?;
            }
        }
        for row in found.iter().skip(1).flatten() {
            counts.deleted = get(row, "total")?;
            counts.purge_due = get(row, "due")?;
        }
        Ok(counts)
    }
}
