//! Reads rows and their write events for the integrity scrub.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_domain::audit::details::Details;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::crypto::Digest;
use strongroom_domain::history::StoredVersion;
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::ports::scrub::{
    KeyWithTrail, RowWithTrail, ScrubStore, Trailed, WriteRecord,
};
use strongroom_domain::relay::stored::TrailedPolicy;
use strongroom_domain::scrub::{DeletionRecord, ScrubResult};
use strongroom_domain::{CredentialId, KeyId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::get;
use crate::sql::audit_roots as root_sql;
use crate::store::PgStore;
use crate::transaction::statement::Bound;
use crate::transaction::{OrgTransaction, with_deadline};
use crate::{credential_rows, policy_rows, rows, sql};

#[async_trait]
impl ScrubStore for PgStore {
    async fn rows_with_trail(
        &self,
        scope: OrgScope,
        from: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<RowWithTrail>> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &from.0, &limit];
        let rows = with_deadline(&self.database, async {
            let transaction = OrgTransaction::begin(&self.database, &[scope]).await?;
            for setting in sql::SHORT_SCANS {
                transaction.run(setting).await?;
            }
            let rows = transaction
                .query(sql::CREDENTIALS_WITH_TRAIL, params)
                .await?;
            let between = bounds(&rows)?;
            let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &between.0, &between.1];
            let versions = transaction.query(sql::VERSIONS_BETWEEN, params).await?;
            let policies = transaction.query(sql::POLICIES_BETWEEN, params).await?;
            transaction.finish().await?;
            Ok((rows, versions, policies))
        });
        let (rows, versions, found) = rows.await?;
        let (mut histories, policies) = (histories(&versions)?, policies(&found));
        let read = |row| row_with_trail(row, &mut histories, &policies);
        rows.iter().map(read).collect()
    }

    async fn trailed(
        &self,
        scope: OrgScope,
        from: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<Trailed>> {
        let rows = self.page(scope, sql::TRAIL_WITH_CREDENTIALS, from, limit);
        rows.await?
            .iter()
            .map(|row| {
                Ok(Trailed {
                    id: CredentialId(get(row, "cred_id")?),
                    missing: get(row, "missing")?,
                })
            })
            .collect()
    }

    async fn keys_with_trail(&self, scope: OrgScope) -> StoreResult<Vec<KeyWithTrail>> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0];
        let rows = self.query(scope, sql::API_KEYS_WITH_TRAIL, params).await?;
        let key = |row: &Row| {
            let revoked_at: Option<DateTime<Utc>> = get(row, "revoked_at")?;
            let live = revoked_at.is_none();
            Ok(KeyWithTrail {
                id: KeyId(get(row, "key_id")?),
                issued: get(row, "issued")?,
                revocation_undone: get(row, "revocation_undone")?,
                ends: rows::scheduled_end(row)?.filter(|_| live),
                recorded_end: get::<Option<String>>(row, "recorded_end")?.filter(|_| live),
            })
        };
        rows.iter().map(key).collect()
    }

    async fn scrub_result(&self) -> StoreResult<Option<(ScrubResult, Vec<u8>)>> {
        let result = [Bound {
            sql: root_sql::SCRUB_RESULT,
            params: Vec::new(),
        }];
        let read = OrgTransaction::read(&self.database, &[], &result);
        let rows = with_deadline(&self.database, read).await?;
        let read = |row: &Row| {
            let result = ScrubResult {
                ended_at: get(row, "ended_at")?,
                credentials: get(row, "credentials")?,
                findings: get(row, "findings")?,
                events: get(row, "events")?,
                trail_findings: get(row, "trail_findings")?,
            };
            Ok((result, get(row, "proof")?))
        };
        rows.iter().flatten().next().map(read).transpose()
    }

    async fn put_scrub_result(&self, result: ScrubResult, proof: Digest) -> StoreResult<()> {
        let params: &[&(dyn ToSql + Sync)] = &[
            &result.ended_at,
            &result.credentials,
            &result.findings,
            &result.events,
            &result.trail_findings,
            &&proof[..],
        ];
        self.execute_alone(root_sql::SCRUB_RESULT_PUT, params).await
    }

    async fn count_credentials(&self, scope: OrgScope) -> StoreResult<u64> {
        let rows = self
            .query(scope, sql::ALL_CREDENTIALS_COUNT, &[&scope.org().0])
            .await?;
        let total: i64 = rows.first().map_or(Ok(0), |row| get(row, "total"))?;
        Ok(u64::try_from(total).unwrap_or(0))
    }
}

impl PgStore {
    async fn page(
        &self,
        scope: OrgScope,
        sql: &str,
        from: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<Row>> {
        with_deadline(&self.database, async {
            let transaction = OrgTransaction::begin(&self.database, &[scope]).await?;
            for setting in sql::SHORT_SCANS {
                transaction.run(setting).await?;
            }
            let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &from.0, &limit];
            let rows = transaction.query(sql, params).await?;
            transaction.finish().await?;
            Ok(rows)
        })
        .await
    }
}

/// The newest deletion of a credential in the trail.
pub(crate) fn recorded_deletion(row: &Row) -> StoreResult<Option<DeletionRecord>> {
    let version: Option<i64> = get(row, "deleted_version")?;
    let details: Option<String> = get(row, "deletion_details")?;
    let record = |version| DeletionRecord {
        version,
        details: details.map(Details::stored),
    };
    Ok(version.map(record))
}

/// The first and the last credential of a page.
pub(crate) fn bounds(rows: &[Row]) -> StoreResult<(Uuid, Uuid)> {
    let id = |row: Option<&Row>| row.map_or(Ok(Uuid::nil()), |row| get(row, "cred_id"));
    Ok((id(rows.first())?, id(rows.last())?))
}

/// The other values of the credentials of a page; `None` for one with a malformed row.
pub(crate) type HistoriesOfPage = HashMap<Uuid, Option<Vec<StoredVersion>>>;

/// Sorts the rows of values by credential.
pub(crate) fn histories(rows: &[Row]) -> StoreResult<HistoriesOfPage> {
    let mut histories = HistoriesOfPage::new();
    for row in rows {
        let found = histories.entry(get(row, "cred_id")?);
        let found = found.or_insert(Some(Vec::new()));
        match (found.as_mut(), credential_rows::stored_version(row)) {
            (Some(versions), Ok(version)) => versions.push(version),
            _ => *found = None,
        }
    }
    Ok(histories)
}

/// The relay policies of the credentials of a page; `None` for a malformed one.
pub(crate) type PoliciesOfPage = HashMap<Uuid, Option<TrailedPolicy>>;

/// Sorts the rows of relay policies by credential.
pub(crate) fn policies(rows: &[Row]) -> PoliciesOfPage {
    let policy = |row| {
        Some((
            get(row, "cred_id").ok()?,
            policy_rows::trailed_policy(row).ok(),
        ))
    };
    rows.iter().filter_map(policy).collect()
}

pub(crate) fn row_with_trail(
    row: &Row,
    histories: &mut HistoriesOfPage,
    policies: &PoliciesOfPage,
) -> StoreResult<RowWithTrail> {
    let version: Option<i64> = get(row, "written_version")?;
    let digest: Option<&[u8]> = get(row, "written_digest")?;
    let digest = digest.and_then(|digest| digest.try_into().ok());
    // A row that cannot be read, such as one with a time out of range, must not hide the others.
    let sealed = credential_rows::sealed_credential(row).ok();
    let id = get(row, "cred_id")?;
    Ok(RowWithTrail {
        id: CredentialId(id),
        versions: histories.remove(&id).unwrap_or(Some(Vec::new())),
        row: sealed.map(|(_, sealed)| sealed),
        policy: match policies.get(&id) {
            Some(policy) => policy.clone(),
            None => Some(TrailedPolicy::default()),
        },
        written: version.map(|version| WriteRecord { version, digest }),
        deleted: recorded_deletion(row)?,
        restored: get(row, "restored")?,
        forked: get(row, "forked")?,
    })
}
