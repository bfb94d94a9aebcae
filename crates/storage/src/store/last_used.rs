//! Stores last-used times in batches, in the background.

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

/// Most last-used times in one transaction. It bounds the scope, since the policy compares each row
/// with all organizations of the scope.
const LARGEST_BATCH: usize = 128;

type CredentialUse<'a> = (&'a (OrgScope, CredentialId), &'a LastUsed);
type KeyUse<'a> = (&'a (OrgScope, KeyId), &'a DateTime<Utc>);

#[async_trait]
impl LastUsedStore for PgStore {
    async fn store_last_used(&self, uses: &LastUsedTimes) -> StoreResult<()> {
        // All servers write the rows in this order, which prevents deadlocks.
        let mut credentials: Vec<CredentialUse> = uses.credentials.iter().collect();
        credentials.sort_unstable_by_key(|((scope, id), _)| (scope.org(), *id));
        let mut keys: Vec<KeyUse> = uses.keys.iter().collect();
        keys.sort_unstable_by_key(|((scope, id), _)| (scope.org(), *id));
        let mut result = Ok(());
        for batch in credentials.chunks(LARGEST_BATCH) {
            let work = |batch| store_credentials(&self.database, batch);
            let done = batch_or_single_orgs(&self.database, batch, |((scope, _), _)| *scope, work);
            result = done.await.and(result);
        }
        for batch in keys.chunks(LARGEST_BATCH) {
            let work = |batch| store_keys(&self.database, batch);
            let done = batch_or_single_orgs(&self.database, batch, |((scope, _), _)| *scope, work);
            result = done.await.and(result);
        }
        result
    }

    async fn keys_last_used(&self, scope: OrgScope) -> StoreResult<HashMap<KeyId, DateTime<Utc>>> {
        let rows = self.query(scope, sql::KEY_USES, &[&scope.org().0]).await?;
        let uses = rows
            .iter()
            .map(|row| Ok((KeyId(get(row, "key_id")?), get(row, "last_used_at")?)));
        Ok(uses.filter_map(StoreResult::ok).collect())
    }
}

// If part of the database is unavailable, each organization is tried separately. If any of them
// fails, the whole batch fails and the caller retries all of it, which is harmless.
async fn batch_or_single_orgs<'a, T, W: Future<Output = StoreResult<()>>>(
    database: &Database,
    batch: &'a [T],
    scope: impl Fn(&T) -> OrgScope,
    work: impl Fn(&'a [T]) -> W,
) -> StoreResult<()> {
    let mut result = with_deadline(database, work(batch)).await;
    let Err(StoreError::PartUnavailable(_)) = result else {
        return result;
    };
    let impatient = database.with_timeout(SINGLE_ORG_TIMEOUT);
    let same = |one: &T, next: &T| scope(one).org() == scope(next).org();
    for own in batch.chunk_by(same) {
        result = with_deadline(&impatient, work(own)).await.and(result);
    }
    result
}

async fn store_credentials(database: &Database, batch: &[CredentialUse<'_>]) -> StoreResult<()> {
    let scopes: Vec<OrgScope> = batch.iter().map(|((scope, _), _)| *scope).collect();
    let transaction = OrgTransaction::begin(database, &scopes).await?;
    let mut values: Vec<_> = batch
        .iter()
        .map(|((scope, id), last)| (scope.org().0, id.0, last.at, last.by.map(|key| key.0)))
        .collect();
    // On a database that is not sharded, the statement itself omits deleted credentials.
    if database.is_sharded() {
        let existing = existing(&transaction, batch).await?;
        values.retain(|(org, id, ..)| existing.contains(&(*org, *id)));
    }
    let mut params: Vec<&(dyn ToSql + Sync)> = Vec::new();
    for (org, id, at, by) in &values {
        params.extend_from_slice(&[org, id, at, by]);
    }
    let merge = Step::insert(&sql::CREDENTIAL_USES_MERGE, params);
    transaction.commit_with(&[merge], false).await.map(drop)
}

async fn existing(
    transaction: &OrgTransaction,
    batch: &[CredentialUse<'_>],
) -> StoreResult<HashSet<(Uuid, Uuid)>> {
    let (orgs, ids): (Vec<Uuid>, Vec<Uuid>) = batch
        .iter()
        .map(|((scope, id), _)| (scope.org().0, id.0))
        .unzip();
    let rows = transaction
        .query(sql::CREDENTIALS_KNOWN, &[&orgs, &ids])
        .await?;
    rows.iter()
        .map(|row| Ok((get(row, "org_id")?, get(row, "cred_id")?)))
        .collect()
}

async fn store_keys(database: &Database, batch: &[KeyUse<'_>]) -> StoreResult<()> {
    let scopes: Vec<OrgScope> = batch.iter().map(|((scope, _), _)| *scope).collect();
    let values: Vec<_> = batch
        .iter()
        .map(|((scope, id), at)| (scope.org().0, id.0, *at))
        .collect();
    let mut params: Vec<&(dyn ToSql + Sync)> = Vec::new();
    for (org, id, at) in &values {
        params.extend_from_slice(&[org, id, at]);
    }
    let transaction = OrgTransaction::begin(database, &scopes).await?;
    let merge = Step::insert(&sql::KEY_USES_MERGE, params);
    transaction.commit_with(&[merge], false).await.map(drop)
}
