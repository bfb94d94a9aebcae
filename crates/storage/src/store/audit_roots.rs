//! Stores signed roots of audit trails and their leaves.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_domain::LaneId;
use strongroom_domain::audit::heads::LaneHead;
use strongroom_domain::audit::root::{AuditLeaf, AuditRoot};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::ports::audit_roots::AuditRootStore;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::{get, lane_head};
use crate::sql::audit_roots as root_sql;
use crate::store::PgStore;
use crate::transaction::statement::Bound;
use crate::transaction::{OrgTransaction, with_deadline};

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

#[async_trait]
impl AuditRootStore for PgStore {
    async fn newest_audit_roots(&self, until: DateTime<Utc>) -> StoreResult<Vec<AuditRoot>> {
        let newest = [Bound {
            sql: root_sql::AUDIT_ROOTS_NEWEST,
            params: vec![&until],
        }];
        let read = OrgTransaction::read(&self.database, &[], &newest);
        let rows = with_deadline(&self.database, read).await?;
        // A malformed row was not written by a server.
        let roots = rows.iter().flatten().filter_map(|row| root(row).ok());
        Ok(roots.collect())
    }

    async fn changed_heads(
        &self,
        scope: OrgScope,
        since: DateTime<Utc>,
        after: Option<LaneId>,
        limit: i64,
    ) -> StoreResult<Vec<LaneHead>> {
        let after = after.map_or(Uuid::nil(), |lane| lane.0);
        let params: Params<'_> = &[&scope.org().0, &after, &limit, &since];
        let rows = self.query(scope, root_sql::CHANGED_HEADS, params).await?;
        rows.iter().map(lane_head).collect()
    }

    async fn add_audit_leaves(
        &self,
        at: DateTime<Utc>,
        leaves: &[(OrgScope, AuditLeaf)],
    ) -> StoreResult<()> {
        let scopes: Vec<OrgScope> = leaves.iter().map(|(scope, _)| *scope).collect();
        let orgs: Vec<Uuid> = scopes.iter().map(|scope| scope.org().0).collect();
        let inserts = orgs.iter().zip(leaves).map(|(org, (_, leaf))| Bound {
            sql: root_sql::AUDIT_LEAF_INSERT,
            params: vec![org, &at, &leaf.heads, &leaf.number, &leaf.path],
        });
        let inserts: Vec<Bound<'_>> = inserts.collect();
        let transaction = with_deadline(&self.database, async {
            let transaction = OrgTransaction::begin(&self.database, &scopes).await?;
            transaction.run_all(&inserts).await?;
            Ok(transaction)
        });
        transaction.await?.commit().await
    }

    async fn add_audit_root(&self, root: &AuditRoot) -> StoreResult<()> {
        let leaves = i64::try_from(root.leaves);
        let leaves = leaves.map_err(|error| StoreError::Internal(error.to_string()))?;
        let params: Params<'_> = &[
            &root.at,
            &leaves,
            &&root.root[..],
            &&root.previous[..],
            &&root.public_key[..],
            &&root.signature[..],
        ];
        self.execute_alone(root_sql::AUDIT_ROOT_INSERT, params)
            .await
    }

    async fn audit_leaf(
        &self,
        scope: OrgScope,
        at: DateTime<Utc>,
    ) -> StoreResult<Option<AuditLeaf>> {
        let params: Params<'_> = &[&scope.org().0, &at];
        let rows = self.query(scope, root_sql::AUDIT_LEAF, params).await?;
        let leaf = |row: &Row| {
            Ok(AuditLeaf {
                heads: get(row, "heads")?,
                number: get(row, "number")?,
                path: get(row, "path")?,
            })
        };
        rows.first().map(leaf).transpose()
    }

    async fn forget_audit_leaves(&self, scope: OrgScope, before: DateTime<Utc>) -> StoreResult<()> {
        let params: Params<'_> = &[&scope.org().0, &before];
        let sql = root_sql::AUDIT_LEAVES_FORGET;
        self.execute(scope, sql, params).await.map(drop)
    }

    async fn forget_audit_roots(&self, before: DateTime<Utc>) -> StoreResult<()> {
        let sql = root_sql::AUDIT_ROOTS_FORGET;
        self.execute_alone(sql, &[&before]).await
    }
}

impl PgStore {
    /// Runs one writing statement on a table that belongs to no organization.
    pub(crate) async fn execute_alone(&self, sql: &str, params: Params<'_>) -> StoreResult<()> {
        let transaction = with_deadline(&self.database, async {
            let transaction = OrgTransaction::begin(&self.database, &[]).await?;
            transaction.execute(sql, params).await?;
            Ok(transaction)
        });
        transaction.await?.commit().await
    }
}

fn root(row: &Row) -> StoreResult<AuditRoot> {
    let leaves: i64 = get(row, "leaves")?;
    Ok(AuditRoot {
        at: get(row, "at")?,
        leaves: u64::try_from(leaves).unwrap_or(0),
        root: fixed(row, "root")?,
        previous: fixed(row, "previous")?,
        public_key: fixed(row, "public_key")?,
        signature: fixed(row, "signature")?,
    })
}

fn fixed<const N: usize>(row: &Row, column: &str) -> StoreResult<[u8; N]> {
    let bytes: &[u8] = get(row, column)?;
    let malformed = StoreError::Malformed("a signed root of audit trails");
    bytes.try_into().map_err(|_| malformed)
}
