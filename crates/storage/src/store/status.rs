//! The state of the store, and events that belong to no write.

use async_trait::async_trait;
use futures_util::future::try_join;
use strongroom_domain::audit::event::Event;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::health::status::StoreStatus;
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::ports::store::{Committed, Store};
use strongroom_domain::replication::OperationId;
use uuid::Uuid;

use crate::connect::database::Database;
use crate::rows::get;
use crate::sql;
use crate::store::PgStore;
use crate::transaction::with_deadline;
use crate::writes::write::WriteOp;

#[async_trait]
impl Store for PgStore {
    fn status(&self) -> StoreStatus {
        let queues = [
            self.writes.status(),
            self.reads.status(),
            self.api_keys.status(),
            self.org_keys.status(),
            self.clients.status(),
            self.tokens.status(),
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
        // Requests use the workers' connections, and commands and lists those of the other pools.
        let primary = try_join(answers(&self.database), answers(&self.reserved));
        let Some(replica) = &self.replica else {
            return primary.await.map(|_| ());
        };
        let region = try_join(answers(replica), answers(&self.reserved_reads));
        try_join(primary, region).await.map(|_| ())
    }

    async fn record_tracked(
        &self,
        scope: OrgScope,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed> {
        let event = (event, Vec::new());
        self.write_with(scope, WriteOp::Record, operation, event)
            .await
    }

    async fn record(&self, scope: OrgScope, event: Event) -> StoreResult<()> {
        self.write(scope, WriteOp::Record, event).await
    }
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
