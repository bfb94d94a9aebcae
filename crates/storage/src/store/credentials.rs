//! Organizations, API keys and credentials.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::future::try_join;
use strongroom_domain::api_key::StoredApiKey;
use strongroom_domain::audit::event::Event;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::credential::{
    CredentialFilter, CredentialPage, Page, SealedCredential, StoredCredential,
};
use strongroom_domain::health::status::StoreStatus;
use strongroom_domain::keyring::stored::StoredOrgKey;
use strongroom_domain::organization::Organization;
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::ports::store::{ChangeFn, Committed, OpenFn, Store, Tracking};
use strongroom_domain::replication::OperationId;
use strongroom_domain::trace::trace_parent;
use strongroom_domain::{CredentialId, KeyId};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::batch::lookups::Lookup;
use crate::batch::reveal::PendingReveal;
use crate::connect::database::Database;
use crate::rows::get;
use crate::sql::operations as op_sql;
use crate::store::listing::list;
use crate::store::{PgStore, query_on};
use crate::transaction::{OrgTransaction, with_deadline};
use crate::writes::write::WriteOp;
use crate::{rows, sql};

#[async_trait]
impl Store for PgStore {
    async fn create_organization(
        &self,
        scope: OrgScope,
        organization: Organization,
        key: StoredOrgKey,
        event: Event,
    ) -> StoreResult<()> {
        let operation = WriteOp::AddOrganization(organization, key);
        self.write(scope, operation, event).await
    }

    async fn organizations(&self) -> StoreResult<Vec<Organization>> {
        listed(&self.database, sql::ORGANIZATIONS).await
    }

    async fn deleted_organizations(&self) -> StoreResult<Vec<Organization>> {
        listed(&self.database, sql::ORGANIZATIONS_DELETED).await
    }

    async fn organization(&self, scope: OrgScope) -> StoreResult<Option<Organization>> {
        let rows = self
            .query(scope, sql::ORGANIZATION, &[&scope.org().0])
            .await?;
        rows.first().map(rows::organization).transpose()
    }

    async fn delete_organization(
        &self,
        scope: OrgScope,
        destroy_after: DateTime<Utc>,
        event: Event,
    ) -> StoreResult<()> {
        let operation = WriteOp::DeleteOrganization { destroy_after };
        self.write(scope, operation, event).await
    }

    async fn restore_organization(&self, scope: OrgScope, event: Event) -> StoreResult<()> {
        self.write(scope, WriteOp::RestoreOrganization, event).await
    }

    async fn destroy_organization(
        &self,
        scope: OrgScope,
        at_once: bool,
        event: Event,
    ) -> StoreResult<()> {
        let operation = WriteOp::DestroyOrganization { at_once };
        self.write(scope, operation, event).await
    }

    async fn remove_rows(&self, scope: OrgScope) -> StoreResult<()> {
        let org = scope.org().0;
        while self
            .execute(scope, sql::CREDENTIALS_DELETE_SOME, &[&org])
            .await?
            > 0
        {}
        for sql in [
            sql::ALL_CREDENTIAL_USES_DELETE,
            sql::ALL_KEY_USES_DELETE,
            sql::ROTATIONS_DELETE,
        ] {
            self.execute(scope, sql, &[&org]).await?;
        }
        for sql in crate::store::operations::ALL_DELETE {
            self.execute(scope, sql, &[&org]).await?;
        }
        Ok(())
    }

    async fn org_keys(&self, scope: OrgScope) -> StoreResult<Vec<StoredOrgKey>> {
        self.org_keys
            .ask(|reply| Lookup::of(scope, (), reply))
            .await
    }

    async fn org_keys_of_replica(&self, scope: OrgScope) -> StoreResult<Option<Vec<StoredOrgKey>>> {
        let Some(replica) = &self.replica else {
            return Ok(None);
        };
        let rows = query_on(replica, scope, sql::ORG_KEYS, &[&scope.org().0]).await?;
        rows.iter()
            .map(rows::org_key)
            .collect::<StoreResult<_>>()
            .map(Some)
    }

    async fn add_api_key(
        &self,
        scope: OrgScope,
        key: StoredApiKey,
        event: Event,
    ) -> StoreResult<()> {
        self.write(scope, WriteOp::AddApiKey(key), event).await
    }

    async fn api_key(&self, scope: OrgScope, id: KeyId) -> StoreResult<Option<StoredApiKey>> {
        self.api_keys
            .ask(|reply| Lookup::of(scope, id, reply))
            .await
    }

    async fn api_keys(&self, scope: OrgScope) -> StoreResult<Vec<StoredApiKey>> {
        let rows = self.query(scope, sql::API_KEYS, &[&scope.org().0]).await?;
        rows.iter()
            .map(|row| rows::api_key(scope.org(), row))
            .collect()
    }

    async fn revoke_api_key(&self, scope: OrgScope, id: KeyId, event: Event) -> StoreResult<()> {
        self.write(scope, WriteOp::RevokeApiKey(id), event).await
    }

    async fn insert_credential(
        &self,
        scope: OrgScope,
        row: SealedCredential,
        tracking: Tracking,
        event: Event,
    ) -> StoreResult<Committed> {
        self.write_tracked(scope, WriteOp::Insert(row), tracking, event)
            .await
    }

    async fn credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
    ) -> StoreResult<Option<Arc<StoredCredential>>> {
        self.reads.ask(|reply| Lookup::of(scope, id, reply)).await
    }

    async fn reveal_credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
        look: OpenFn,
        event: Event,
    ) -> StoreResult<()> {
        let looked = self.retry_contended(|| {
            let (look, event) = (look.clone(), event.clone());
            let writes = self.writes.clone();
            self.reads.ask(|reply| Lookup {
                scope,
                id,
                sink: Box::new(PendingReveal {
                    scope,
                    look,
                    event,
                    writes,
                    reply,
                    span: trace_parent(),
                }),
            })
        });
        looked.await.map(|_: Committed| ())
    }

    async fn credential_of_user(
        &self,
        scope: OrgScope,
        user: &str,
    ) -> StoreResult<Option<SealedCredential>> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &user];
        let rows = self.query(scope, sql::CREDENTIAL_OF_USER, params).await?;
        let row = rows.first().map(rows::sealed_credential).transpose()?;
        Ok(row.map(|(_, credential)| credential))
    }

    async fn change_credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
        change: ChangeFn,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed> {
        let write = WriteOp::Change { id, change };
        self.write_tracked(scope, write, tracked(operation), event)
            .await
    }

    async fn delete_credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed> {
        let write = WriteOp::Delete(id);
        self.write_tracked(scope, write, tracked(operation), event)
            .await
    }

    async fn delete_all_credentials(
        &self,
        scope: OrgScope,
        operation: Option<OperationId>,
        event: Event,
        each: Event,
    ) -> StoreResult<Committed> {
        let mut lane = self.own_lane()?;
        let work = async {
            let transaction = self.delete_all(&mut lane, scope, event, each).await?;
            if let Some(operation) = operation {
                let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &operation.0];
                transaction
                    .insert(&op_sql::OPERATIONS_INSERT, params)
                    .await?;
            }
            Ok(transaction)
        };
        let transaction = with_deadline(&self.database, work).await?;
        let position = match operation {
            Some(_) => transaction.commit_at().await?,
            None => transaction.commit().await.map(|()| None)?,
        };
        Ok(Committed {
            position,
            earlier: None,
        })
    }

    async fn list_credentials(
        &self,
        scope: OrgScope,
        page: Page,
        filter: CredentialFilter,
    ) -> StoreResult<CredentialPage> {
        with_deadline(self.reading(), async {
            let _turn = self.scans.acquire().await;
            list(self.reading(), scope, page, &filter).await
        })
        .await
    }

    fn status(&self) -> StoreStatus {
        let queues = [
            self.writes.status(),
            self.reads.status(),
            self.api_keys.status(),
            self.org_keys.status(),
        ];
        let mut pools = vec![
            self.database.pool_status("primary"),
            self.reserved.pool_status("shared"),
        ];
        if let Some(replica) = &self.replica {
            pools.push(replica.pool_status("region"));
            pools.push(self.reserved_reads.pool_status("shared_region"));
        }
        StoreStatus {
            queues: queues.into(),
            pools,
        }
    }

    async fn key_epoch(&self) -> StoreResult<Option<Uuid>> {
        let database = &self.database;
        with_deadline(database, async {
            let client = database.client().await?;
            if database.is_sharded() {
                return Ok(None);
            }
            let read = async {
                let statement = client.prepare_cached(sql::KEY_EPOCH).await?;
                client.query_opt(&statement, &[]).await
            };
            let row = read.await.map_err(|error| database.health.failed(&error))?;
            row.map(|row| get(&row, "epoch")).transpose()
        })
        .await
    }

    async fn ping(&self) -> StoreResult<()> {
        try_join(answers(&self.database), answers(self.reading())).await?;
        Ok(())
    }

    async fn record(&self, scope: OrgScope, event: Event) -> StoreResult<()> {
        self.write(scope, WriteOp::Record, event).await
    }
}

async fn listed(database: &Database, sql: &str) -> StoreResult<Vec<Organization>> {
    with_deadline(database, async {
        let transaction = OrgTransaction::begin_listing(database).await?;
        let rows = transaction.query(sql, &[]).await?;
        transaction.finish().await?;
        rows.iter().map(rows::organization).collect()
    })
    .await
}

async fn answers(database: &Database) -> StoreResult<()> {
    with_deadline(database, async {
        let client = database.client().await?;
        client
            .batch_execute("")
            .await
            .map_err(|error| database.health.failed(&error))?;
        database.health.has_read();
        Ok(())
    })
    .await
}

fn tracked(operation: Option<OperationId>) -> Tracking {
    Tracking {
        operation,
        claim: None,
    }
}
