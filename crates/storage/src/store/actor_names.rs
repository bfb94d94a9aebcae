//! Reads the names of API keys and OAuth 2.0 clients.

use async_trait::async_trait;
use strongroom_domain::KeyId;
use strongroom_domain::actor_names::ActorName;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::ports::actor_names::ActorNameStore;
use strongroom_domain::ports::error::StoreResult;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::get;
use crate::sql;
use crate::store::{PgStore, query_on};

#[async_trait]
impl ActorNameStore for PgStore {
    async fn actor_names(&self, scope: OrgScope, ids: &[KeyId]) -> StoreResult<Vec<ActorName>> {
        let org = scope.org();
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let params: &[&(dyn ToSql + Sync)] = &[&org.0, &ids];
        let rows = query_on(self.reading(), scope, sql::ACTOR_NAMES, params).await?;
        let named = rows.iter().map(|row| {
            Ok(ActorName {
                org,
                id: KeyId(get(row, "id")?),
                is_client: get(row, "is_client")?,
                name: get(row, "name")?,
            })
        });
        named.collect()
    }
}
