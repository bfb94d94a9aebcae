//! Organizations, their encryption keys and their API keys.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_domain::ancestor::Ancestor;
use strongroom_domain::api_key::StoredApiKey;
use strongroom_domain::api_key::end::ScheduledEnd;
use strongroom_domain::audit::event::Event;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::keyring::stored::StoredOrgKey;
use strongroom_domain::organization::{Holdings, NewOrganization, Organization};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::ports::organizations::{OrganizationStore, SuborganizationEvents};
use strongroom_domain::ports::store::Committed;
use strongroom_domain::replication::OperationId;
use strongroom_domain::{KeyId, OrgId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::batch::lookups::Lookup;
use crate::connect::database::Database;
use crate::rows::get;
use crate::store::{PgStore, query_on};
use crate::transaction::statement::Bound;
use crate::transaction::{OrgTransaction, with_deadline};
use crate::writes::write::WriteOp;
use crate::{rows, sql};

#[async_trait]
impl OrganizationStore for PgStore {
    async fn create_organization(
        &self,
        scope: OrgScope,
        new: NewOrganization,
        events: Vec<Event>,
    ) -> StoreResult<()> {
        let operation = WriteOp::AddOrganization(Box::new(new));
        let mut events = events.into_iter();
        let first = events.next();
        let first = first.ok_or_else(|| StoreError::Internal("no event of a creation".into()))?;
        let further = events.map(|event| (scope, event)).collect();
        let written = self.write_with(scope, operation, None, (first, further));
        written.await.map(drop)
    }

    async fn create_suborganization(
        &self,
        parent: OrgScope,
        new: NewOrganization,
        operation: Option<OperationId>,
        events: SuborganizationEvents,
    ) -> StoreResult<Committed> {
        let write = WriteOp::AddOrganization(Box::new(new));
        let SuborganizationEvents {
            own: (scope, own),
            of_parent,
        } = events;
        let further = own.into_iter().map(|event| (scope, event)).collect();
        self.write_with(parent, write, operation, (of_parent, further))
            .await
    }

    async fn ancestor(
        &self,
        scope: OrgScope,
        ancestor: OrgId,
    ) -> StoreResult<Option<(Ancestor, bool)>> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &ancestor.0];
        let found = self.query(scope, sql::ANCESTOR, params).await?;
        found
            .first()
            .map(|row| Ok((rows::ancestor(row)?, get(row, "deleted")?)))
            .transpose()
    }

    async fn ancestors(&self, scope: OrgScope) -> StoreResult<Vec<Ancestor>> {
        let found = self.query(scope, sql::ANCESTORS, &[&scope.org().0]).await?;
        found.iter().map(rows::ancestor).collect()
    }

    async fn descendants(&self, scope: OrgScope) -> StoreResult<Vec<(OrgId, Ancestor)>> {
        let found = self
            .query(scope, sql::DESCENDANTS, &[&scope.org().0])
            .await?;
        found
            .iter()
            .map(|row| Ok((rows::org_id(row)?, rows::ancestor(row)?)))
            .collect()
    }

    async fn organizations_of(&self, scopes: &[OrgScope]) -> StoreResult<Vec<Organization>> {
        let orgs: Vec<Uuid> = scopes.iter().map(|scope| scope.org().0).collect();
        let bound = [Bound {
            sql: sql::ORGANIZATIONS_WANTED,
            params: vec![&orgs],
        }];
        let read = OrgTransaction::read(&self.database, scopes, &bound);
        let found = with_deadline(&self.database, read).await?;
        found.iter().flatten().map(rows::organization).collect()
    }

    async fn holdings(&self, scopes: &[OrgScope], limit: i64) -> StoreResult<Holdings> {
        self.count_holdings(scopes, limit).await
    }

    async fn organizations(&self) -> StoreResult<Vec<Organization>> {
        listed(&self.database, sql::ORGANIZATIONS).await
    }

    async fn organization_ids(&self) -> StoreResult<Vec<OrgId>> {
        let rows = listing(&self.database, sql::ORGANIZATION_IDS).await?;
        let ids = rows.first().map(|row| get::<Option<Vec<Uuid>>>(row, "ids"));
        let mut ids = ids.transpose()?.flatten().unwrap_or_default();
        ids.sort_unstable();
        Ok(ids.into_iter().map(OrgId).collect())
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
        children: i64,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed> {
        let write = WriteOp::DeleteOrganization {
            destroy_after,
            children,
        };
        self.write_with(scope, write, operation, (event, Vec::new()))
            .await
    }

    async fn rename_organization(
        &self,
        scope: OrgScope,
        name: String,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed> {
        let write = WriteOp::RenameOrganization(name);
        self.write_with(scope, write, operation, (event, Vec::new()))
            .await
    }

    async fn restore_organization(
        &self,
        scope: OrgScope,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed> {
        let write = WriteOp::RestoreOrganization;
        self.write_with(scope, write, operation, (event, Vec::new()))
            .await
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
            .execute(scope, sql::CREDENTIALS_REMOVE_SOME, &[&org])
            .await?
            > 0
        {}
        for sql in [
            sql::ALL_VERSIONS_DELETE,
            sql::ALL_POLICIES_DELETE,
            sql::ALL_CREDENTIAL_USES_DELETE,
            sql::ALL_KEY_USES_DELETE,
            sql::ALL_DAILY_TOTALS_DELETE,
            sql::ROTATIONS_DELETE,
            sql::ALL_ACCESS_TOKENS_DELETE,
            sql::ALL_CONSOLE_SESSIONS_DELETE,
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
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed> {
        let write = WriteOp::AddApiKey(key);
        self.write_with(scope, write, operation, (event, Vec::new()))
            .await
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

    async fn replace_api_key(
        &self,
        scope: OrgScope,
        (old, new): (KeyId, StoredApiKey),
        operation: Option<OperationId>,
        created: Event,
        revoked: Event,
    ) -> StoreResult<Committed> {
        let write = WriteOp::ReplaceApiKey { old, new };
        let further = vec![(scope, revoked)];
        self.write_with(scope, write, operation, (created, further))
            .await
    }

    async fn schedule_key_end(
        &self,
        scope: OrgScope,
        id: KeyId,
        end: ScheduledEnd,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed> {
        let write = WriteOp::ScheduleKeyEnd { id, end };
        self.write_with(scope, write, operation, (event, Vec::new()))
            .await
    }

    async fn revoke_api_key(
        &self,
        scope: OrgScope,
        id: KeyId,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed> {
        let write = WriteOp::RevokeApiKey(id);
        self.write_with(scope, write, operation, (event, Vec::new()))
            .await
    }
}

/// The organizations that `sql` selects among all.
pub(crate) async fn listed(database: &Database, sql: &str) -> StoreResult<Vec<Organization>> {
    let rows = listing(database, sql).await?;
    rows.iter().map(rows::organization).collect()
}

async fn listing(database: &Database, sql: &str) -> StoreResult<Vec<Row>> {
    with_deadline(database, async {
        let transaction = OrgTransaction::begin_listing(database).await?;
        let rows = transaction.query(sql, &[]).await?;
        transaction.finish().await?;
        Ok(rows)
    })
    .await
}
