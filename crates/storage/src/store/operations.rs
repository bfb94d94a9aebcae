//! Operations, whose rows show in which regions a write has arrived.

use std::collections::HashSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_domain::OrgId;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::ports::regions::OperationStore;
use strongroom_domain::replication::OperationId;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::{get, org_id};
use crate::sql::operations as op_sql;
use crate::store::PgStore;
use crate::store::old_rows::Search;
use crate::transaction::OrgTransaction;

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
        let old: [Search<'_>; 2] = [
            (op_sql::OPERATIONS_OLD, &before.0),
            (op_sql::CLAIMS_OLD, &now),
        ];
        let mut result = Ok(());
        for scope in self.with_old_rows(scopes, &old).await? {
            let forgotten = self.forget_old_rows(scope, before, now).await;
            result = forgotten.and(result);
        }
        result
    }
}

impl PgStore {
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
