//! Operations, whose rows show in which regions a write has arrived.

use std::collections::HashSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_domain::OrgId;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::ports::regions::OperationStore;
use strongroom_domain::replication::OperationId;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::{get, org_id};
use crate::sql::operations as op_sql;
use crate::store::PgStore;
use crate::transaction::statement::Bound;
use crate::transaction::{OrgTransaction, with_deadline};

/// Those of `wanted` that are visible in this transaction.
pub(crate) async fn visible(
    transaction: &OrgTransaction,
    wanted: &[(OrgScope, OperationId)],
) -> StoreResult<HashSet<(OrgId, OperationId)>> {
    let (orgs, operations): (Vec<Uuid>, Vec<Uuid>) = wanted
        .iter()
        .map(|(scope, operation)| (scope.org().0, operation.0))
        .unzip();
    let rows = transaction
        .query(op_sql::OPERATIONS, &[&orgs, &operations])
        .await?;
    rows.iter()
        .map(|row| Ok((org_id(row)?, OperationId(get(row, "op_id")?))))
        .collect()
}

#[async_trait]
impl OperationStore for PgStore {
    async fn has_operation(&self, scope: OrgScope, operation: OperationId) -> StoreResult<bool> {
        let (org, operation) = ([scope.org().0], [operation.0]);
        let params: &[&(dyn ToSql + Sync)] = &[&org.as_slice(), &operation.as_slice()];
        let found = self.query(scope, op_sql::OPERATIONS, params).await?;
        Ok(!found.is_empty())
    }

    async fn forget_operations(
        &self,
        scopes: &[OrgScope],
        before: OperationId,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        // If part of the database is unavailable, every organization is visited.
        let old = match self.with_old_rows(scopes, before, now).await {
            Err(StoreError::PartUnavailable(_)) => scopes.iter().map(|scope| scope.org()).collect(),
            found => found?,
        };
        let mut result = Ok(());
        for scope in scopes.iter().filter(|scope| old.contains(&scope.org())) {
            let forgotten = self.forget_old_rows(*scope, before, now).await;
            result = forgotten.and(result);
        }
        result
    }
}

impl PgStore {
    /// Those of these organizations that have old operations or expired idempotency records.
    async fn with_old_rows(
        &self,
        scopes: &[OrgScope],
        before: OperationId,
        now: DateTime<Utc>,
    ) -> StoreResult<HashSet<OrgId>> {
        let orgs: Vec<Uuid> = scopes.iter().map(|scope| scope.org().0).collect();
        let old = [
            Bound {
                sql: op_sql::OPERATIONS_OLD,
                params: vec![&orgs, &before.0],
            },
            Bound {
                sql: op_sql::CLAIMS_OLD,
                params: vec![&orgs, &now],
            },
        ];
        let read = OrgTransaction::read(&self.database, scopes, &old);
        let rows = with_deadline(&self.database, read).await?;
        rows.iter().flatten().map(org_id).collect()
    }

    async fn forget_old_rows(
        &self,
        scope: OrgScope,
        before: OperationId,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        let org = scope.org().0;
        self.execute(scope, op_sql::OPERATIONS_FORGET, &[&org, &before.0])
            .await?;
        self.execute(scope, op_sql::CLAIMS_FORGET, &[&org, &now])
            .await?;
        Ok(())
    }
}

/// Deletes all operations and idempotency records of an organization.
pub(crate) const ALL_DELETE: [&str; 2] = [op_sql::ALL_OPERATIONS_DELETE, op_sql::ALL_CLAIMS_DELETE];
