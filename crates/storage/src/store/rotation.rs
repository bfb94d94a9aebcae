//! Stores rotations of organization keys, and re-wraps data keys.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_domain::CredentialId;
use strongroom_domain::audit::event::Event;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::credential::SealedCredential;
use strongroom_domain::crypto::RootKeyId;
use strongroom_domain::keyring::stored::{Rewrapped, StoredOrgKey};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::ports::rotation::{DataKeyOf, RewrapFn, RotationStore, Wrapped};
use strongroom_domain::ports::store::Committed;
use strongroom_domain::replication::OperationId;
use strongroom_domain::rotation::{Rotation, RotationStart};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::get;
use crate::store::PgStore;
use crate::store::rotation_rows::{all_rotations, rotation};
use crate::store::scrub::{histories, policies};
use crate::transaction::{OrgTransaction, with_deadline};
use crate::writes::write::WriteOp;
use crate::{credential_rows, sql};

#[async_trait]
impl RotationStore for PgStore {
    async fn rewrap_org_keys(
        &self,
        scope: OrgScope,
        keys: Vec<(RootKeyId, StoredOrgKey)>,
        event: Event,
    ) -> StoreResult<()> {
        let operation = WriteOp::RewrapOrgKeys(keys);
        self.write(scope, operation, event).await
    }

    async fn start_rotation(
        &self,
        scope: OrgScope,
        (previous, key, start): (i32, StoredOrgKey, RotationStart),
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed> {
        let write = WriteOp::StartRotation {
            previous,
            key,
            start,
        };
        self.write_with(scope, write, operation, (event, Vec::new()))
            .await
    }

    async fn await_writers(&self) -> StoreResult<()> {
        with_deadline(&self.database, async {
            let transaction = OrgTransaction::begin(&self.database, &[]).await?;
            transaction.execute(sql::BARRIER_LOCK_TIMEOUT, &[]).await?;
            transaction.execute(sql::ORG_KEYS_BARRIER, &[]).await?;
            transaction.execute(sql::CREDENTIALS_BARRIER, &[]).await?;
            transaction.finish().await
        })
        .await
    }

    async fn rotations(&self, scope: OrgScope) -> StoreResult<Vec<Rotation>> {
        let rows = self.query(scope, sql::ROTATIONS, &[&scope.org().0]).await?;
        rows.iter().map(rotation).collect()
    }

    async fn all_rotations(&self) -> StoreResult<Vec<Rotation>> {
        all_rotations(&self.database).await
    }

    async fn count_behind(&self, scope: OrgScope, generation: i32) -> StoreResult<i64> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &generation];
        let rows = self
            .query(scope, sql::CREDENTIALS_BEHIND_COUNT, params)
            .await?;
        rows.first().map_or(Ok(0), |row| get(row, "total"))
    }

    async fn behind(
        &self,
        scope: OrgScope,
        generation: i32,
        after: Option<CredentialId>,
        limit: i64,
    ) -> StoreResult<Vec<CredentialId>> {
        let after = after.map_or(Uuid::nil(), |id| id.0);
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &generation, &after, &limit];
        let rows = self.query(scope, sql::CREDENTIALS_BEHIND, params).await?;
        rows.iter()
            .map(|row| Ok(CredentialId(get(row, "cred_id")?)))
            .collect()
    }

    async fn rewrap_credentials(
        &self,
        scope: OrgScope,
        ids: &[CredentialId],
        rewrap: RewrapFn,
    ) -> StoreResult<Vec<CredentialId>> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let work = rewrap_rows(self, scope, &ids, rewrap);
        let (transaction, failed) = with_deadline(&self.database, work).await?;
        transaction.commit().await?;
        Ok(failed)
    }

    async fn claim_rotation(
        &self,
        scope: OrgScope,
        generation: i32,
        seen: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> StoreResult<bool> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &generation, &seen, &now];
        Ok(self.execute(scope, sql::ROTATION_CLAIM, params).await? == 1)
    }

    async fn advance_rotation(
        &self,
        scope: OrgScope,
        generation: i32,
        rows: i64,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &generation, &rows, &now];
        self.execute(scope, sql::ROTATION_PROGRESS, params).await?;
        Ok(())
    }

    async fn finish_rotation(
        &self,
        scope: OrgScope,
        generation: i32,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &generation, &now];
        self.execute(scope, sql::ROTATION_FINISH, params).await?;
        Ok(())
    }

    async fn retire_org_key(
        &self,
        scope: OrgScope,
        generation: i32,
        event: Event,
    ) -> StoreResult<i64> {
        let (needed, transaction) =
            with_deadline(&self.database, retire(self, scope, generation, event)).await?;
        match transaction {
            Some(transaction) => transaction.commit().await?,
            None => return Ok(needed),
        }
        Ok(0)
    }
}

// Rows that another transaction has locked are left for the next pass.
async fn rewrap_rows(
    store: &PgStore,
    scope: OrgScope,
    ids: &[Uuid],
    rewrap: RewrapFn,
) -> StoreResult<(OrgTransaction, Vec<CredentialId>)> {
    let org = scope.org().0;
    let transaction = OrgTransaction::begin(&store.database, &[scope]).await?;
    let rows = transaction
        .query(sql::CREDENTIALS_LOCK, &[&org, &ids])
        .await?;
    let params: &[&(dyn ToSql + Sync)] = &[&org, &ids];
    let versions = transaction.query(sql::VERSIONS, params).await?;
    let mut histories = histories(&versions)?;
    let policies = policies(&transaction.query(sql::POLICIES, params).await?);
    let (mut generation, mut failed) = (None, Vec::new());
    for row in &rows {
        // A malformed row keeps its generation; it must not block the other rows.
        let Ok((_, row)) = credential_rows::sealed_credential(row) else {
            continue;
        };
        let versions = histories.remove(&row.id.0).flatten().unwrap_or_default();
        // A policy that cannot be read keeps its generation, and the rotation does not end.
        let policy = match policies.get(&row.id.0) {
            Some(Some(policy)) => policy.policy.as_ref(),
            Some(None) => {
                failed.push(row.id);
                None
            }
            None => None,
        };
        let wrapped = Wrapped {
            row: &row,
            versions: &versions,
            policy,
        };
        let Ok(new) = rewrap(wrapped) else {
            failed.push(row.id);
            continue;
        };
        let Some(used) = store_rewrapped(&transaction, org, &row, &new).await? else {
            continue;
        };
        generation = Some(used);
    }
    if let Some(generation) = generation {
        let params: &[&(dyn ToSql + Sync)] = &[&vec![org], &vec![generation]];
        transaction.query(sql::CHECK_GENERATIONS, params).await?;
    }
    Ok((transaction, failed))
}

/// Stores the wrapped data keys of a credential's values. Returns their generation, if there are
/// any.
async fn store_rewrapped(
    transaction: &OrgTransaction,
    org: Uuid,
    row: &SealedCredential,
    rewrapped: &[(DataKeyOf, Rewrapped)],
) -> StoreResult<Option<i32>> {
    for (data_key, new) in rewrapped {
        let params: &[&(dyn ToSql + Sync)] =
            &[&org, &row.id.0, &new.key_generation, &new.wrapped_key];
        match data_key {
            DataKeyOf::Current => {
                transaction.execute(sql::CREDENTIAL_REWRAP, params).await?;
            }
            DataKeyOf::Policy => {
                transaction.execute(sql::POLICY_REWRAP, params).await?;
            }
            DataKeyOf::Value(value_version) => {
                let params: &[&(dyn ToSql + Sync)] = &[
                    &org,
                    &row.id.0,
                    value_version,
                    &new.key_generation,
                    &new.wrapped_key,
                ];
                transaction.execute(sql::VERSION_REWRAP, params).await?;
            }
        }
    }
    Ok(rewrapped.first().map(|(_, new)| new.key_generation))
}

// While the table is locked, no row that needs the generation can be written after the count.
async fn retire(
    store: &PgStore,
    scope: OrgScope,
    generation: i32,
    event: Event,
) -> StoreResult<(i64, Option<OrgTransaction>)> {
    let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &generation];
    let transaction = OrgTransaction::begin(&store.database, &[scope]).await?;
    transaction.execute(sql::BARRIER_LOCK_TIMEOUT, &[]).await?;
    transaction.execute(sql::CREDENTIALS_BARRIER, &[]).await?;
    let rows = transaction
        .query(sql::CREDENTIALS_OF_GENERATION, params)
        .await?;
    let needed: i64 = rows.first().map_or(Ok(0), |row| get(row, "total"))?;
    if needed > 0 {
        transaction.finish().await?;
        return Ok((needed, None));
    }
    if transaction.execute(sql::ORG_KEY_RETIRE, params).await? == 0 {
        transaction.finish().await?;
        return Err(StoreError::NotFound);
    }
    store
        .own_lane()?
        .append(&transaction, vec![(scope, event)])
        .await?;
    Ok((0, Some(transaction)))
}
