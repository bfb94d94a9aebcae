//! Relay policies, and uses of credentials.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_domain::CredentialId;
use strongroom_domain::audit::event::Event;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::ports::relay::{ReadRows, RelayStore};
use strongroom_domain::ports::store::{Committed, Tracking};
use strongroom_domain::relay::stored::{CredentialWithPolicy, StoredPolicy, TrailedPolicy};
use strongroom_domain::replication::OperationId;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::batch::lookups::Lookup;
use crate::rows::get;
use crate::store::PgStore;
use crate::writes::write::WriteOp;
use crate::{policy_rows, sql};

#[async_trait]
impl RelayStore for PgStore {
    async fn credential_with_policy(
        &self,
        scope: OrgScope,
        id: CredentialId,
    ) -> StoreResult<Option<CredentialWithPolicy>> {
        self.policies
            .ask(|reply| Lookup::of(scope, id, reply))
            .await
    }

    async fn current_policy(
        &self,
        scope: OrgScope,
        id: CredentialId,
    ) -> StoreResult<Option<CredentialWithPolicy>> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &id.0];
        let rows = self.query(scope, sql::POLICY_CURRENT, params).await?;
        let row = rows.first().map(policy_rows::credential_with_policy);
        row.transpose()
    }

    async fn write_policy(
        &self,
        scope: OrgScope,
        id: CredentialId,
        policy: StoredPolicy,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed> {
        let policy = Box::new(policy);
        let tracking = Tracking {
            operation,
            idempotency: None,
        };
        self.write_tracked(scope, WriteOp::PutPolicy { id, policy }, tracking, event)
            .await
    }

    async fn record_use(&self, scope: OrgScope, used: ReadRows, event: Event) -> StoreResult<()> {
        self.write(scope, WriteOp::RecordIfCurrent(used), event)
            .await
    }

    async fn unattested_policies(
        &self,
        scope: OrgScope,
        cut: DateTime<Utc>,
        after: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<(CredentialId, TrailedPolicy)>> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &cut, &after.0, &limit];
        let rows = self.query(scope, sql::POLICIES_UNATTESTED, params).await?;
        let read = |row: &Row| {
            let id = CredentialId(get(row, "cred_id")?);
            Ok((id, policy_rows::trailed_policy(row)?))
        };
        rows.iter().map(read).collect()
    }
}
