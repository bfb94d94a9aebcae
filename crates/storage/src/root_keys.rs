use async_trait::async_trait;
use deadpool_postgres::Object;
use strongroom_domain::crypto::{PassphraseParams, RootKeyId};
use strongroom_domain::store::{
    RootKeyStore, StoreError, StoreResult, StoredRootKey, StoredServiceKey,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::database::Database;
use crate::error::store_error;
use crate::rows::get;
use crate::sql;

#[async_trait]
impl RootKeyStore for Database {
    async fn root_keys(&self) -> StoreResult<Vec<StoredRootKey>> {
        let rows = query(&self.client().await?, sql::ROOT_KEYS, &[]).await?;
        rows.iter().map(root_key).collect()
    }

    async fn register_first_root_key(&self, key: &StoredRootKey) -> StoreResult<()> {
        let passphrase = key.passphrase.as_ref();
        let salt = passphrase.map(|params| params.salt.to_vec());
        let number = |value: fn(&PassphraseParams) -> u32| {
            passphrase
                .map(|params| i32::try_from(value(params)))
                .transpose()
                .map_err(|error| StoreError::Internal(error.to_string()))
        };
        let memory = number(|params| params.memory_kib)?;
        let passes = number(|params| params.passes)?;
        let lanes = number(|params| params.lanes)?;
        let params: &[&(dyn ToSql + Sync)] = &[
            &key.id.0,
            &key.check_value,
            &salt,
            &memory,
            &passes,
            &lanes,
            &key.created_at,
        ];
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(|e| store_error(&e))?;
        for (sql, params) in [
            (sql::ROOT_KEY_LOCK, &[][..]),
            (sql::ROOT_KEY_INSERT_FIRST, params),
        ] {
            transaction
                .execute(sql, params)
                .await
                .map_err(|e| store_error(&e))?;
        }
        transaction.commit().await.map_err(|e| store_error(&e))
    }

    async fn service_keys(&self) -> StoreResult<Vec<StoredServiceKey>> {
        let rows = query(&self.client().await?, sql::SERVICE_KEYS, &[]).await?;
        rows.iter()
            .map(|row| {
                Ok(StoredServiceKey {
                    purpose: get(row, "purpose")?,
                    root_key: RootKeyId(get(row, "root_key_id")?),
                    wrapped: get(row, "wrapped_key")?,
                })
            })
            .collect()
    }

    async fn add_service_key(&self, key: &StoredServiceKey) -> StoreResult<()> {
        let params: &[&(dyn ToSql + Sync)] = &[&key.purpose, &key.root_key.0, &key.wrapped];
        query(&self.client().await?, sql::SERVICE_KEY_INSERT, params).await?;
        Ok(())
    }
}

async fn query(
    client: &Object,
    sql: &str,
    params: &[&(dyn ToSql + Sync)],
) -> StoreResult<Vec<Row>> {
    client.query(sql, params).await.map_err(|e| store_error(&e))
}

fn root_key(row: &Row) -> StoreResult<StoredRootKey> {
    let salt: Option<Vec<u8>> = get(row, "kdf_salt")?;
    let number = |column: &str| {
        let value: Option<i32> = get(row, column)?;
        u32::try_from(value.unwrap_or_default())
            .map_err(|_| StoreError::Internal(format!("column {column} is negative")))
    };
    let passphrase = match salt {
        None => None,
        Some(salt) => Some(PassphraseParams {
            salt: salt
                .try_into()
                .map_err(|_| StoreError::Internal("column kdf_salt is not 16 bytes long".into()))?,
            memory_kib: number("kdf_memory_kib")?,
            passes: number("kdf_passes")?,
            lanes: number("kdf_lanes")?,
        }),
    };
    Ok(StoredRootKey {
        id: RootKeyId(get(row, "root_key_id")?),
        check_value: get(row, "check_value")?,
        passphrase,
        created_at: get(row, "created_at")?,
    })
}
