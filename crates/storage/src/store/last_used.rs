//! Last uses: kept in batches, behind the requests.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::last_used::{LastUsed, LastUsedTimes};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::ports::last_used::LastUsedStore;
use strongroom_domain::{CredentialId, KeyId};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::connect::database::Database;
use crate::rows::get;
use crate::sql;
use crate::store::{PgStore, SINGLE_ORG_TIMEOUT};
use crate::transaction::statement::Step;
use crate::transaction::{OrgTransaction, with_deadline};

/// Most uses in one transaction: each row is looked for among all organizations of its scope.
const LARGEST_BATCH: usize = 128;

type CredentialUse = (OrgScope, CredentialId, LastUsed);
type KeyUse = (OrgScope, KeyId, DateTime<Utc>);

#[async_trait]
impl LastUsedStore for PgStore {
    async fn store_last_used(&self, uses: LastUsedTimes) -> StoreResult<()> {
        let LastUsedTimes {
            mut credentials,
            mut keys,
        } = uses;
        // Every server visits the rows in the same order, so that they do not deadlock.
        credentials.sort_unstable_by_key(|(scope, id, _)| (scope.org(), *id));
        let mut kept = Ok(());
        for batch in credentials.chunks(LARGEST_BATCH) {
            let work = |batch| keep_credentials(&self.database, batch);
            let done = each_if_together_fails(&self.database, batch, |(scope, ..)| *scope, work);
            kept = done.await.and(kept);
        }
        keys.sort_unstable_by_key(|(scope, id, _)| (scope.org(), *id));
        for batch in keys.chunks(LARGEST_BATCH) {
            let work = |batch| keep_keys(&self.database, batch);
            let done = each_if_together_fails(&self.database, batch, |(scope, ..)| *scope, work);
            kept = done.await.and(kept);
        }
        kept
    }

    async fn keys_last_used(&self, scope: OrgScope) -> StoreResult<HashMap<KeyId, DateTime<Utc>>> {
        let rows = self.query(scope, sql::KEY_USES, &[&scope.org().0]).await?;
        let uses = rows
            .iter()
            .map(|row| Ok((KeyId(get(row, "key_id")?), get(row, "last_used_at")?)));
        Ok(uses.filter_map(StoreResult::ok).collect())
    }
}

// Where part of the database is away, the uses of the other organizations are kept all the same. What has failed
// fails the whole, so that the caller brings everything again, which does no harm.
async fn each_if_together_fails<'a, T, W: Future<Output = StoreResult<()>>>(
    database: &Database,
    batch: &'a [T],
    scope: impl Fn(&T) -> OrgScope,
    work: impl Fn(&'a [T]) -> W,
) -> StoreResult<()> {
    let together = with_deadline(database, work(batch)).await;
    let Err(StoreError::PartUnavailable(_)) = together else {
        return together;
    };
    let hurried = database.hurried(SINGLE_ORG_TIMEOUT);
    let mut kept = together;
    let same = |one: &T, next: &T| scope(one).org() == scope(next).org();
    for own in batch.chunk_by(same) {
        kept = with_deadline(&hurried, work(own)).await.and(kept);
    }
    kept
}

async fn keep_credentials(database: &Database, batch: &[CredentialUse]) -> StoreResult<()> {
    let scopes: Vec<OrgScope> = batch.iter().map(|(scope, ..)| *scope).collect();
    let transaction = OrgTransaction::begin(database, &scopes).await?;
    let mut values: Vec<_> = batch
        .iter()
        .map(|(scope, id, last)| (scope.org().0, id.0, last.at, last.by.map(|key| key.0)))
        .collect();
    // Elsewhere the statement itself looks.
    if database.is_sharded() {
        let known = known(&transaction, batch).await?;
        values.retain(|(org, id, ..)| known.contains(&(*org, *id)));
    }
    let mut params: Vec<&(dyn ToSql + Sync)> = Vec::new();
    for (org, id, at, by) in &values {
        params.extend_from_slice(&[org, id, at, by]);
    }
    let merge = Step::insert(&sql::CREDENTIAL_USES_MERGE, params);
    transaction.commit_with(&[merge], false).await.map(drop)
}

async fn known(
    transaction: &OrgTransaction,
    batch: &[CredentialUse],
) -> StoreResult<HashSet<(Uuid, Uuid)>> {
    let (orgs, ids): (Vec<Uuid>, Vec<Uuid>) = batch
        .iter()
        .map(|(scope, id, _)| (scope.org().0, id.0))
        .unzip();
    let rows = transaction
        .query(sql::CREDENTIALS_KNOWN, &[&orgs, &ids])
        .await?;
    rows.iter()
        .map(|row| Ok((get(row, "org_id")?, get(row, "cred_id")?)))
        .collect()
}

async fn keep_keys(database: &Database, batch: &[KeyUse]) -> StoreResult<()> {
    let scopes: Vec<OrgScope> = batch.iter().map(|(scope, ..)| *scope).collect();
    let values: Vec<_> = batch
        .iter()
        .map(|(scope, id, at)| (scope.org().0, id.0, at))
        .collect();
    let mut params: Vec<&(dyn ToSql + Sync)> = Vec::new();
    for (org, id, at) in &values {
        params.extend_from_slice(&[org, id, *at]);
    }
    let transaction = OrgTransaction::begin(database, &scopes).await?;
    let merge = Step::insert(&sql::KEY_USES_MERGE, params);
    transaction.commit_with(&[merge], false).await.map(drop)
}
