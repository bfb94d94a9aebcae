//! Reads a backup from one snapshot of the database.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_domain::audit::heads::LaneHead;
use strongroom_domain::audit::stored::EventPosition;
use strongroom_domain::backup::key_record::{AncestorRow, ApiKeyRow};
use strongroom_domain::backup::oauth_record::OauthClientRow;
use strongroom_domain::backup::record::{
    CheckpointRow, CredentialLastUsedRow, EventRow, KeyLastUsedRow, OrgKeyRow, OrganizationRow,
    RotationRow,
};
use strongroom_domain::backup::root_record::{AuditLeafRow, AuditRootRow};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::ports::audit::HeadEvidence;
use strongroom_domain::ports::backup::{BackupKeys, BackupSource, CheckedRow, Snapshot};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::ports::scrub::Trailed;
use strongroom_domain::{CredentialId, LaneId};
use tokio::sync::Mutex;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};
use uuid::Uuid;

use crate::backup::{SCHEMA_VERSION, rows};
use crate::connect::database::Database;
use crate::connect::error::{ConnectError, store_error};
use crate::pg_time::PgTime;
use crate::rows::{get, root_key, service_key};
use crate::sql;
use crate::sql::backup as backup_sql;
use crate::store::audit::{event, evidence};
use crate::store::scrub::{bounds, histories, policies, row_with_trail};

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A PostgreSQL database to back up.
pub struct PgBackupSource {
    database: Database,
}

impl PgBackupSource {
    /// Backs up `database`. Its statement timeout also limits the time to write one page of a
    /// backup.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl BackupSource for PgBackupSource {
    fn schema(&self) -> i32 {
        SCHEMA_VERSION
    }

    async fn snapshot(&self) -> StoreResult<Box<dyn Snapshot>> {
        let connected = self.database.dedicated(|| {}).await;
        let (client, _) = connected.map_err(|error| match error {
            ConnectError::Unreachable(why) => StoreError::Unavailable(why),
            other => StoreError::Internal(other.to_string()),
        })?;
        let begun = client.batch_execute(backup_sql::SNAPSHOT_BEGIN).await;
        begun.map_err(|e| store_error(&e))?;
        for setting in sql::SHORT_SCANS {
            client
                .batch_execute(setting)
                .await
                .map_err(|e| store_error(&e))?;
        }
        Ok(Box::new(PgSnapshot {
            client,
            statements: Mutex::default(),
        }))
    }
}

/// A read-only transaction on a dedicated connection. Dropping it closes the connection.
struct PgSnapshot {
    client: Client,
    statements: Mutex<HashMap<&'static str, Statement>>,
}

impl PgSnapshot {
    async fn query(&self, sql: &'static str, params: Params<'_>) -> StoreResult<Vec<Row>> {
        let mut statements = self.statements.lock().await;
        let statement = match statements.get(sql) {
            Some(statement) => statement.clone(),
            None => {
                let statement = self.client.prepare(sql).await;
                let statement = statement.map_err(|e| store_error(&e))?;
                statements.insert(sql, statement.clone());
                statement
            }
        };
        drop(statements);
        let rows = self.client.query(&statement, params).await;
        rows.map_err(|e| store_error(&e))
    }

    async fn run(&self, sql: &str) -> StoreResult<()> {
        let ran = self.client.batch_execute(sql).await;
        ran.map_err(|e| store_error(&e))
    }

    async fn all<T>(
        &self,
        sql: &'static str,
        params: Params<'_>,
        read: impl Fn(&Row) -> StoreResult<T>,
    ) -> StoreResult<Vec<T>> {
        self.query(sql, params).await?.iter().map(read).collect()
    }
}

#[async_trait]
impl Snapshot for PgSnapshot {
    async fn keys(&self) -> StoreResult<BackupKeys> {
        Ok(BackupKeys {
            root_keys: self.all(sql::ROOT_KEYS, &[], root_key).await?,
            service_keys: self.all(sql::SERVICE_KEYS, &[], service_key).await?,
            root_rotations: self
                .all(sql::ROOT_ROTATIONS, &[], rows::root_rotation)
                .await?,
        })
    }

    async fn organizations(&self) -> StoreResult<Vec<OrganizationRow>> {
        self.run(&sql::enter(sql::LISTING)).await?;
        self.all(sql::ORGANIZATIONS, &[], rows::organization).await
    }

    async fn enter(&self, scope: OrgScope) -> StoreResult<()> {
        self.run(&sql::enter(&sql::scope(&[scope.org().0]))).await
    }

    async fn count(&self, scope: OrgScope) -> StoreResult<u64> {
        let rows = self
            .query(backup_sql::BACKUP_COUNT, &[&scope.org().0])
            .await?;
        let total: i64 = rows.first().map_or(Ok(0), |row| get(row, "total"))?;
        Ok(u64::try_from(total).unwrap_or(0))
    }

    async fn org_keys(&self, scope: OrgScope) -> StoreResult<Vec<OrgKeyRow>> {
        let params: Params<'_> = &[&scope.org().0];
        self.all(backup_sql::BACKUP_ORG_KEYS, params, rows::org_key)
            .await
    }

    async fn api_keys(&self, scope: OrgScope) -> StoreResult<Vec<ApiKeyRow>> {
        let params: Params<'_> = &[&scope.org().0];
        self.all(backup_sql::BACKUP_API_KEYS, params, rows::api_key)
            .await
    }

    async fn oauth_clients(&self, scope: OrgScope) -> StoreResult<Vec<OauthClientRow>> {
        let params: Params<'_> = &[&scope.org().0];
        let clients = backup_sql::BACKUP_OAUTH_CLIENTS;
        self.all(clients, params, rows::oauth_client).await
    }

    async fn ancestors(&self, scope: OrgScope) -> StoreResult<Vec<AncestorRow>> {
        let params: Params<'_> = &[&scope.org().0];
        self.all(sql::ANCESTORS, params, rows::ancestor).await
    }

    async fn rotations(&self, scope: OrgScope) -> StoreResult<Vec<RotationRow>> {
        let params: Params<'_> = &[&scope.org().0];
        self.all(sql::ROTATIONS, params, rows::rotation).await
    }

    async fn credentials(
        &self,
        scope: OrgScope,
        from: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<CheckedRow>> {
        let params: Params<'_> = &[&scope.org().0, &from.0, &limit];
        let found = self.query(sql::CREDENTIALS_WITH_TRAIL, params).await?;
        let (first, last) = bounds(&found)?;
        let params: Params<'_> = &[&scope.org().0, &first, &last];
        let versions = self.query(sql::VERSIONS_BETWEEN, params).await?;
        let read: StoreResult<Vec<_>> = found.iter().map(rows::credential).collect();
        let mut credentials = read?;
        rows::add_versions(&mut credentials, &versions)?;
        let stored = self.query(sql::POLICIES_BETWEEN, params).await?;
        rows::add_policies(&mut credentials, &stored)?;
        let (mut histories, policies) = (histories(&versions)?, policies(&stored));
        let checked = credentials.into_iter().zip(&found).map(|(row, found)| {
            Ok(CheckedRow {
                row,
                with_trail: row_with_trail(found, &mut histories, &policies)?,
            })
        });
        checked.collect()
    }

    async fn trailed(
        &self,
        scope: OrgScope,
        from: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<Trailed>> {
        let params: Params<'_> = &[&scope.org().0, &from.0, &limit];
        let read = |row: &Row| {
            Ok(Trailed {
                id: CredentialId(get(row, "cred_id")?),
                missing: get(row, "missing")?,
            })
        };
        self.all(sql::TRAIL_WITH_CREDENTIALS, params, read).await
    }

    async fn credentials_last_used(
        &self,
        scope: OrgScope,
        after: Uuid,
        limit: i64,
    ) -> StoreResult<Vec<CredentialLastUsedRow>> {
        let params: Params<'_> = &[&scope.org().0, &after, &limit];
        let sql = backup_sql::BACKUP_CREDENTIAL_USES;
        self.all(sql, params, rows::credential_use).await
    }

    async fn keys_last_used(
        &self,
        scope: OrgScope,
        after: Uuid,
        limit: i64,
    ) -> StoreResult<Vec<KeyLastUsedRow>> {
        let params: Params<'_> = &[&scope.org().0, &after, &limit];
        self.all(backup_sql::BACKUP_KEY_USES, params, rows::key_use)
            .await
    }

    async fn checkpoints(
        &self,
        scope: OrgScope,
        after: Option<LaneId>,
        limit: i64,
    ) -> StoreResult<Vec<CheckpointRow>> {
        let after = after.map_or(Uuid::nil(), |lane| lane.0);
        let params: Params<'_> = &[&scope.org().0, &after, &limit];
        self.all(sql::CHECKPOINTS, params, rows::checkpoint).await
    }

    async fn events(
        &self,
        scope: OrgScope,
        after: Option<EventPosition>,
        limit: i64,
    ) -> StoreResult<Vec<EventRow>> {
        let after = after.unwrap_or(EventPosition::FIRST);
        let params: Params<'_> = &[
            &scope.org().0,
            &after.lane.0,
            &after.seq,
            &PgTime(after.at),
            &limit,
        ];
        let read = |row: &Row| Ok(EventRow::from(&event(row)?));
        self.all(sql::AUDIT_CHAIN, params, read).await
    }

    async fn audit_roots(&self) -> StoreResult<Vec<AuditRootRow>> {
        let sql = backup_sql::BACKUP_AUDIT_ROOTS;
        self.all(sql, &[], rows::audit_root).await
    }

    async fn audit_leaves(
        &self,
        scope: OrgScope,
        after: DateTime<Utc>,
        limit: i64,
    ) -> StoreResult<Vec<AuditLeafRow>> {
        let params: Params<'_> = &[&scope.org().0, &after, &limit];
        let sql = backup_sql::BACKUP_AUDIT_LEAVES;
        self.all(sql, params, rows::audit_leaf).await
    }

    async fn head_evidence(
        &self,
        scope: OrgScope,
        heads: &[LaneHead],
    ) -> StoreResult<Vec<HeadEvidence>> {
        let lanes: Vec<Uuid> = heads.iter().map(|head| head.lane.0).collect();
        let numbers: Vec<i64> = heads.iter().map(|head| head.seq).collect();
        let macs: Vec<&[u8]> = heads.iter().map(|head| &head.mac[..]).collect();
        let params: Params<'_> = &[&scope.org().0, &lanes, &numbers, &macs];
        evidence(heads, &self.query(sql::HEAD_EVIDENCE, params).await?)
    }

    async fn finish(self: Box<Self>) -> StoreResult<()> {
        let ended = self.client.batch_execute("ROLLBACK").await;
        ended.map_err(|e| store_error(&e))
    }
}
