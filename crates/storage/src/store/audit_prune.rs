//! Prunes the audit trail in one transaction, so that a failure leaves the trail unchanged.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_domain::api_key::StoredApiKey;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::ports::audit::{
    AuditPruneStore, CheckpointFn, PruneMember, PrunePlan, Pruned, Unattested,
};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::{CredentialId, LaneId};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::{get, lane_head};
use crate::store::PgStore;
use crate::transaction::OrgTransaction;
use crate::{credential_rows, rows, sql};

/// Attempts to take the lock that excludes writers. Each attempt waits briefly, since sessions that
/// request the table's lock later queue behind it.
const LOCK_ATTEMPTS: u32 = 100;
/// Pause between two attempts.
const LOCK_PAUSE: Duration = Duration::from_millis(300);

/// The counts of one organization in a prune.
struct OrgCounts {
    scope: OrgScope,
    /// Events older than the cut.
    old: u64,
    /// Those of them that are not in the default partition.
    inside: u64,
    /// Old events that stay, since newer events precede them in their lane.
    kept: u64,
    checkpoints: u64,
}

#[async_trait]
impl AuditPruneStore for PgStore {
    async fn prune_plan(&self, before: DateTime<Utc>) -> StoreResult<Option<PrunePlan>> {
        let transaction = OrgTransaction::begin(&self.database, &[]).await?;
        let plan = plan(&transaction, before).await?;
        transaction.finish().await?;
        Ok(plan)
    }

    async fn unattested(
        &self,
        scope: OrgScope,
        cut: DateTime<Utc>,
        after: Option<CredentialId>,
        limit: i64,
    ) -> StoreResult<Vec<Unattested>> {
        let after = after.map_or(Uuid::nil(), |id| id.0);
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &cut, &after, &limit];
        let found = self.query(scope, sql::UNATTESTED, params).await?;
        let found = found.iter().map(|row| {
            let version: Option<i64> = get(row, "recorded_version")?;
            let digest: Option<Vec<u8>> = get(row, "recorded_digest")?;
            Ok(Unattested {
                row: credential_rows::sealed_credential(row)?.1,
                recorded: version.zip(digest),
            })
        });
        found.collect()
    }

    async fn unattested_api_keys(
        &self,
        scope: OrgScope,
        cut: DateTime<Utc>,
    ) -> StoreResult<Vec<StoredApiKey>> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &cut];
        let rows = self.query(scope, sql::API_KEYS_UNATTESTED, params).await?;
        rows.iter()
            .map(|row| rows::api_key(scope.org(), row))
            .collect()
    }

    async fn prune_audit(
        &self,
        plan: &PrunePlan,
        members: Vec<PruneMember>,
        exported: u64,
        sign: CheckpointFn,
    ) -> StoreResult<Pruned> {
        let lane = self.own_lane()?;
        let transaction = OrgTransaction::begin(&self.database, &[]).await?;
        let mut parts = Vec::with_capacity(members.len());
        for member in members {
            transaction.enter(member.scope).await?;
            parts.push(leave_checkpoints(&transaction, plan, member.scope, &sign).await?);
            let event = vec![(member.scope, member.event)];
            lane.append(&transaction, event).await?;
        }
        let sum = |count: fn(&OrgCounts) -> u64| parts.iter().map(count).sum::<u64>();
        let (old, kept) = (sum(|part| part.old), sum(|part| part.kept));
        if old != exported {
            return Err(changed(format!(
                "{exported} events were exported, but the database now has {old}"
            )));
        }
        drop_partitions(&transaction, plan, &parts, sum(|part| part.inside)).await?;
        let checkpoints = sum(|part| part.checkpoints);
        transaction.commit().await?;
        Ok(Pruned {
            events: old - kept,
            kept,
            checkpoints,
        })
    }
}

async fn plan(
    transaction: &OrgTransaction,
    before: DateTime<Utc>,
) -> StoreResult<Option<PrunePlan>> {
    let owner = transaction.query(sql::PRUNE_OWNER, &[]).await?;
    let owner = owner.first().map(|row| get(row, "owner")).transpose()?;
    if owner != Some(true) {
        return Err(StoreError::Internal(
            "this database role does not own the tables, and so cannot drop partitions: connect \
             as the owner, the role that ran `strongroom migrate`"
                .into(),
        ));
    }
    let rows = transaction.query(sql::PRUNE_PARTITIONS, &[&before]).await?;
    let Some(last) = rows.last() else {
        return Ok(None);
    };
    let names = rows.iter().map(|row| get(row, "name"));
    Ok(Some(PrunePlan {
        cut: get(last, "ends")?,
        partitions: names.collect::<StoreResult<_>>()?,
    }))
}

// The trail changed since the plan was made.
fn changed(how: String) -> StoreError {
    StoreError::Contended(how)
}

async fn leave_checkpoints(
    transaction: &OrgTransaction,
    plan: &PrunePlan,
    scope: OrgScope,
    sign: &CheckpointFn,
) -> StoreResult<OrgCounts> {
    let org = scope.org();
    let count = async |sql: &str, params: &[&(dyn ToSql + Sync)], column: &str| {
        let rows = transaction.query(sql, params).await?;
        let counted: i64 = rows.first().map_or(Ok(0), |row| get(row, column))?;
        Ok::<_, StoreError>(u64::try_from(counted).unwrap_or_default())
    };
    let until: [&(dyn ToSql + Sync); 2] = [&org.0, &plan.cut];
    let old = count(sql::PRUNE_CENSUS, &until, "old").await?;
    let outside = count(sql::PRUNE_OUTSIDE, &until, "outside").await?;
    let rows = transaction.query(sql::PRUNE_LAST, &until).await?;
    for row in &rows {
        let checkpoint = sign(org, lane_head(row)?);
        let LaneId(lane) = checkpoint.lane;
        let params: &[&(dyn ToSql + Sync)] = &[
            &org.0,
            &lane,
            &checkpoint.seq,
            &&checkpoint.mac[..],
            &checkpoint.pruned_before,
            &checkpoint.signature,
        ];
        transaction.execute(sql::CHECKPOINT_PUT, params).await?;
    }
    let kept = count(sql::PRUNE_KEPT, &until, "kept").await?;
    transaction.execute(sql::PRUNE_DEFAULT, &until).await?;
    Ok(OrgCounts {
        scope,
        old,
        inside: old.saturating_sub(outside),
        kept,
        checkpoints: rows.len() as u64,
    })
}

// All writers wait while the lock is held, so work that does not need it precedes it.
async fn drop_partitions(
    transaction: &OrgTransaction,
    plan: &PrunePlan,
    parts: &[OrgCounts],
    inside: u64,
) -> StoreResult<()> {
    lock(transaction).await?;
    let mut found = 0;
    for name in &plan.partitions {
        for statement in sql::detach_partition(name) {
            transaction.run(&statement).await?;
        }
        let rows = transaction.query(&sql::count_partition(name), &[]).await?;
        let rows: i64 = rows.first().map_or(Ok(0), |row| get(row, "rows"))?;
        found += u64::try_from(rows).unwrap_or_default();
    }
    // Row-level security hid events of organizations that are not listed, and newer events.
    if found != inside {
        return Err(changed(format!(
            "the partitions hold {found} events, but the listed organizations have {inside}"
        )));
    }
    for part in parts {
        let org = part.scope.org();
        transaction.enter(part.scope).await?;
        for name in plan.partitions.iter().filter(|_| part.kept > 0) {
            let sql = sql::keep_of_partition(name);
            transaction.execute(&sql, &[&org.0]).await?;
        }
        transaction.execute(sql::PRUNE_MARKS, &[&org.0]).await?;
    }
    for name in &plan.partitions {
        transaction.run(&sql::drop_partition(name)).await?;
    }
    Ok(())
}

async fn lock(transaction: &OrgTransaction) -> StoreResult<()> {
    transaction.run("savepoint unlocked").await?;
    let mut attempts = 1;
    loop {
        match transaction.run(sql::PRUNE_LOCK).await {
            Err(StoreError::Contended(_)) if attempts < LOCK_ATTEMPTS => {
                transaction.run("rollback to savepoint unlocked").await?;
                tokio::time::sleep(LOCK_PAUSE).await;
                attempts += 1;
            }
            other => return other,
        }
    }
}
