//! Prunes the audit trail, in one transaction: whatever ends it early leaves everything as it was.

use std::time::Duration;

use chrono::{DateTime, Utc};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::ports::audit::{CheckpointFn, PruneMember, PrunePlan, Pruned, Unattested};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::{CredentialId, LaneId};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::{get, lane_head};
use crate::store::PgStore;
use crate::transaction::OrgTransaction;
use crate::writes::audit_lane::Lane;
use crate::{rows, sql};

/// How often the lock that keeps writers out is asked for. Each wait is short, since whoever comes after a
/// waiting one waits along.
const LOCK_TRIES: u32 = 100;
/// Pause between two of them.
const LOCK_PAUSE: Duration = Duration::from_millis(300);

/// What an organization's part of a prune comes to.
struct Part {
    scope: OrgScope,
    old: u64,
    inside: u64,
    kept: u64,
    checkpoints: u64,
}

impl PgStore {
    pub(crate) async fn plan_prune(
        &self,
        scope_free: &OrgTransaction,
        before: DateTime<Utc>,
    ) -> StoreResult<Option<PrunePlan>> {
        let owner = scope_free.query(sql::PRUNE_OWNER, &[]).await?;
        let owner = owner.first().map(|row| get(row, "owner")).transpose()?;
        if owner != Some(true) {
            return Err(StoreError::Internal(
                "this database role does not own the tables, and so cannot drop partitions: connect as the \
                 role that ran `strongroom migrate`"
                    .into(),
            ));
        }
        let rows = scope_free.query(sql::PRUNE_PARTITIONS, &[&before]).await?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        let names = rows.iter().map(|row| get(row, "name"));
        Ok(Some(PrunePlan {
            cut: get(last, "ends")?,
            partitions: names.collect::<StoreResult<_>>()?,
        }))
    }

    pub(crate) async fn read_unattested(
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
                row: rows::sealed_credential(row)?.1,
                recorded: version.zip(digest),
            })
        });
        found.collect()
    }

    /// See [`strongroom_domain::ports::audit::AuditStore::prune_audit`]. `lane` is for the events that record it.
    pub(crate) async fn prune(
        &self,
        transaction: &OrgTransaction,
        lane: &Lane,
        plan: &PrunePlan,
        (members, exported): (Vec<PruneMember>, u64),
        sign: &CheckpointFn,
    ) -> StoreResult<Pruned> {
        let mut parts = Vec::with_capacity(members.len());
        for member in members {
            transaction.enter(member.scope).await?;
            parts.push(leave_checkpoints(transaction, plan, member.scope, sign).await?);
            let event = vec![(member.scope, member.event)];
            lane.append(transaction, event).await?;
        }
        let sum = |count: fn(&Part) -> u64| parts.iter().map(count).sum::<u64>();
        let (old, inside, kept) = (
            sum(|part| part.old),
            sum(|part| part.inside),
            sum(|part| part.kept),
        );
        if old != exported {
            return Err(changed(format!(
                "{exported} events were exported, and now there are {old}"
            )));
        }
        drop_partitions(transaction, plan, &parts, inside).await?;
        Ok(Pruned {
            events: old - kept,
            kept,
            checkpoints: sum(|part| part.checkpoints),
        })
    }
}

fn changed(how: String) -> StoreError {
    StoreError::Contended(how)
}

async fn leave_checkpoints(
    transaction: &OrgTransaction,
    plan: &PrunePlan,
    scope: OrgScope,
    sign: &CheckpointFn,
) -> StoreResult<Part> {
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
    Ok(Part {
        scope,
        old,
        inside: old.saturating_sub(outside),
        kept,
        checkpoints: rows.len() as u64,
    })
}

// From the lock on everybody waits for us, so whatever can be done before is done before.
async fn drop_partitions(
    transaction: &OrgTransaction,
    plan: &PrunePlan,
    parts: &[Part],
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
    // Row-level security hid from us what belongs to organizations that are not listed, and what came since.
    if found != inside {
        return Err(changed(format!(
            "its partitions hold {found} events, but {inside} of listed organizations"
        )));
    }
    for part in parts.iter().filter(|part| part.kept > 0) {
        transaction.enter(part.scope).await?;
        for name in &plan.partitions {
            let sql = sql::keep_of_partition(name);
            transaction.execute(&sql, &[&part.scope.org().0]).await?;
        }
    }
    for name in &plan.partitions {
        transaction.run(&sql::drop_partition(name)).await?;
    }
    Ok(())
}

async fn lock(transaction: &OrgTransaction) -> StoreResult<()> {
    transaction.run("savepoint unlocked").await?;
    let mut tries = 1;
    loop {
        match transaction.run(sql::PRUNE_LOCK).await {
            Err(StoreError::Contended(_)) if tries < LOCK_TRIES => {
                transaction.run("rollback to savepoint unlocked").await?;
                tokio::time::sleep(LOCK_PAUSE).await;
                tries += 1;
            }
            other => return other,
        }
    }
}
