//! Stores root keys, service keys, root key rotations and reports of running servers.

use std::ops::Range;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use deadpool_postgres::Object;
use strongroom_domain::crypto::RootKeyId;
use strongroom_domain::keyring::stored::{StoredRootKey, StoredServiceKey};
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::ports::keys::RootKeyStore;
use strongroom_domain::record_format::RecordFormat;
use strongroom_domain::rotation::{RootRotation, RunningServer, ServerReport};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::connect::database::Database;
use crate::connect::error::store_error;
use crate::rows::{get, root_key, service_key};
use crate::sql;
use crate::store::rotation_rows::progress;
use crate::transaction::{OrgTransaction, with_deadline};
use crate::writes::installation::RootKeyRow;

#[async_trait]
impl RootKeyStore for Database {
    async fn has_organizations(&self) -> StoreResult<bool> {
        with_deadline(self, async {
            let transaction = OrgTransaction::begin_listing(self).await?;
            let rows = transaction.query(sql::ORGANIZATIONS_EXIST, &[]).await?;
            transaction.finish().await?;
            Ok(!rows.is_empty())
        })
        .await
    }

    async fn root_keys(&self) -> StoreResult<Vec<StoredRootKey>> {
        let rows = query(&self.client().await?, sql::ROOT_KEYS, &[]).await?;
        rows.iter().map(root_key).collect()
    }

    async fn register_first_root_key(&self, key: &StoredRootKey) -> StoreResult<()> {
        let row = RootKeyRow::new(key)?;
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(|e| store_error(&e))?;
        let statements = [
            (sql::ROOT_KEY_LOCK, &[][..]),
            (sql::ROOT_KEY_INSERT_FIRST, &row.params()),
        ];
        for (sql, params) in statements {
            transaction
                .execute(sql, params)
                .await
                .map_err(|e| store_error(&e))?;
        }
        transaction.commit().await.map_err(|e| store_error(&e))
    }

    async fn root_rotations(&self) -> StoreResult<Vec<RootRotation>> {
        let rows = query(&self.client().await?, sql::ROOT_ROTATIONS, &[]).await?;
        rows.iter()
            .map(|row| {
                Ok(RootRotation {
                    root_key: RootKeyId(get(row, "root_key_id")?),
                    progress: progress(row)?,
                })
            })
            .collect()
    }

    async fn claim_root_rotation(
        &self,
        id: RootKeyId,
        seen: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> StoreResult<bool> {
        let params: Params<'_> = &[&id.0, &seen, &now];
        Ok(execute(self, sql::ROOT_ROTATION_CLAIM, params).await? == 1)
    }

    async fn advance_root_rotation(
        &self,
        id: RootKeyId,
        rows: i64,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        execute(self, sql::ROOT_ROTATION_PROGRESS, &[&id.0, &rows, &now]).await?;
        Ok(())
    }

    async fn report_server(&self, server: &ServerReport, now: DateTime<Utc>) -> StoreResult<()> {
        let held: Vec<Uuid> = server.root_keys.iter().map(|id| id.0).collect();
        let params: Params<'_> = &[
            &server.id,
            &server.name,
            &server.started_at,
            &now,
            &held,
            &server.record_format,
        ];
        execute(self, sql::SERVER_REPORT, params).await?;
        Ok(())
    }

    async fn servers(&self, seen: Range<DateTime<Utc>>) -> StoreResult<Vec<RunningServer>> {
        let params: Params<'_> = &[&seen.start, &seen.end];
        let rows = query(&self.client().await?, sql::SERVERS, params).await?;
        rows.iter()
            .map(|row| {
                let held: Vec<Uuid> = get(row, "root_keys")?;
                Ok(RunningServer {
                    id: get(row, "server_id")?,
                    name: get(row, "name")?,
                    started_at: get(row, "started_at")?,
                    seen_at: get(row, "seen_at")?,
                    root_keys: held.into_iter().map(RootKeyId).collect(),
                    record_format: get(row, "record_format")?,
                })
            })
            .collect()
    }

    async fn forget_server(&self, id: Uuid, kept: Range<DateTime<Utc>>) -> StoreResult<()> {
        let params: Params<'_> = &[&id, &kept.start, &kept.end];
        execute(self, sql::SERVER_FORGET, params).await?;
        Ok(())
    }

    async fn record_format(&self) -> StoreResult<RecordFormat> {
        let rows = query(&self.client().await?, sql::RECORD_FORMAT, &[]).await?;
        let format = rows.first().map(|row| {
            Ok(RecordFormat {
                format: get(row, "format")?,
                since: get(row, "since")?,
            })
        });
        format.unwrap_or(Ok(RecordFormat::FIRST))
    }

    async fn service_keys(&self) -> StoreResult<Vec<StoredServiceKey>> {
        let rows = query(&self.client().await?, sql::SERVICE_KEYS, &[]).await?;
        rows.iter().map(service_key).collect()
    }

    async fn add_service_key(&self, key: &StoredServiceKey) -> StoreResult<()> {
        let params: &[&(dyn ToSql + Sync)] = &[&key.purpose, &key.root_key.0, &key.wrapped];
        query(&self.client().await?, sql::SERVICE_KEY_INSERT, params).await?;
        Ok(())
    }
}

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

async fn execute(database: &Database, sql: &str, params: Params<'_>) -> StoreResult<u64> {
    with_deadline(database, async {
        let client = database.client().await?;
        let executed = client.execute(sql, params).await;
        let executed = executed.map_err(|e| database.health.failed(&e))?;
        database.health.service_row_written();
        Ok(executed)
    })
    .await
}

async fn query(
    client: &Object,
    sql: &str,
    params: &[&(dyn ToSql + Sync)],
) -> StoreResult<Vec<Row>> {
    client.query(sql, params).await.map_err(|e| store_error(&e))
}
