//! What writes leave beside their rows: operations that regions are watched for, and claims by which a repeated
//! request is known.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::crypto::Digest;
use strongroom_domain::idempotency::{Claim, Earlier};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::ports::regions::OperationStore;
use strongroom_domain::replication::OperationId;
use strongroom_domain::{CredentialId, OrgId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::operations::Member;
use crate::pg_store::PgStore;
use crate::rows::get;
use crate::sql::operations as op_sql;
use crate::statement::Bound;
use crate::transaction::{OrgTransaction, within};
use crate::writer::Operation;

type ClaimId = (OrgId, Digest);

/// Takes the batch's claims. A member whose claim is taken has nothing left to do: it learns what the earlier
/// request did, or fails because that one asked for something else.
///
/// Sorted, because an insert waits for another server's transaction that takes the same claim: two servers then
/// never wait for each other.
pub(crate) async fn claim(
    transaction: &OrgTransaction,
    members: &mut [Member<'_>],
) -> StoreResult<()> {
    let mut claiming: Vec<_> = members.iter_mut().filter_map(Claiming::new).collect();
    if claiming.is_empty() {
        return Ok(());
    }
    claiming.sort_by_key(Claiming::id);
    let taken = take(transaction, &claiming).await?;
    claiming.retain(|member| !taken.contains(&member.id()));
    if claiming.is_empty() {
        return Ok(());
    }
    let mut earlier = earlier(transaction, &claiming).await?;
    for claiming in claiming {
        let (member, request) = (claiming.member, claiming.claim.request);
        match earlier.remove(&(member.org(), claiming.claim.key)) {
            Some((digest, earlier)) if digest == request => member.earlier = Some(earlier),
            Some(_) => member.result = Err(StoreError::ReusedIdempotencyKey),
            // It was forgotten between the two statements.
            None => member.result = Err(StoreError::Contended("an expired claim".into())),
        }
    }
    Ok(())
}

/// A member of a batch that has a claim to take.
struct Claiming<'m, 'w> {
    member: &'m mut Member<'w>,
    claim: &'w Claim,
    credential: CredentialId,
    operation: OperationId,
}

impl<'m, 'w> Claiming<'m, 'w> {
    fn new(member: &'m mut Member<'w>) -> Option<Self> {
        let write = member.write;
        let Operation::Insert(row) = &write.operation else {
            return None;
        };
        Some(Self {
            claim: write.tracking.claim.as_ref()?,
            operation: write.tracking.operation?,
            credential: row.id,
            member,
        })
    }

    fn id(&self) -> ClaimId {
        (self.member.org(), self.claim.key)
    }
}

async fn take(
    transaction: &OrgTransaction,
    claiming: &[Claiming<'_, '_>],
) -> StoreResult<HashSet<ClaimId>> {
    let rows: Vec<_> = claiming
        .iter()
        .map(|member| {
            let (claim, at) = (member.claim, member.member.event.at);
            let digests = (claim.key.as_slice(), claim.request.as_slice());
            (member.member.org().0, digests, member, at)
        })
        .collect();
    let mut params: Vec<&(dyn ToSql + Sync)> = Vec::new();
    for (org, (key, request), member, at) in &rows {
        params.extend_from_slice(&[
            org,
            key,
            request,
            &member.credential.0,
            &member.operation.0,
            at,
            &member.claim.expires_at,
        ]);
    }
    let taken = transaction.insert(&op_sql::CLAIMS_INSERT, &params).await?;
    taken.iter().map(claim_id).collect()
}

async fn earlier(
    transaction: &OrgTransaction,
    claiming: &[Claiming<'_, '_>],
) -> StoreResult<HashMap<ClaimId, (Digest, Earlier)>> {
    let (orgs, keys): (Vec<Uuid>, Vec<&[u8]>) = claiming
        .iter()
        .map(|member| (member.member.org().0, member.claim.key.as_slice()))
        .unzip();
    let rows = transaction.query(op_sql::CLAIMS, &[&orgs, &keys]).await?;
    rows.iter()
        .map(|row| {
            let earlier = Earlier {
                credential: CredentialId(get(row, "cred_id")?),
                operation: OperationId(get(row, "op_id")?),
            };
            Ok((claim_id(row)?, (digest(row, "request_digest")?, earlier)))
        })
        .collect()
}

fn org_id(row: &Row) -> StoreResult<OrgId> {
    Ok(OrgId(get(row, "org_id")?))
}

fn claim_id(row: &Row) -> StoreResult<ClaimId> {
    Ok((org_id(row)?, digest(row, "key_digest")?))
}

fn digest(row: &Row, column: &'static str) -> StoreResult<Digest> {
    let bytes: Vec<u8> = get(row, column)?;
    Digest::try_from(bytes).map_err(|_| StoreError::Malformed("a claim"))
}

/// Which of `wanted` are visible in this transaction.
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
        // Where that cannot be told of all together, each is visited.
        let old = match self.with_old(scopes, before, now).await {
            Err(StoreError::PartUnavailable(_)) => scopes.iter().map(|scope| scope.org()).collect(),
            told => told?,
        };
        let mut forgotten = Ok(());
        for scope in scopes.iter().filter(|scope| old.contains(&scope.org())) {
            forgotten = self.forget_own(*scope, before, now).await.and(forgotten);
        }
        forgotten
    }
}

impl PgStore {
    /// Which of these organizations have something to forget.
    async fn with_old(
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
        let rows = within(&self.database, read).await?;
        rows.iter().flatten().map(org_id).collect()
    }

    async fn forget_own(
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

/// Forgets all that was kept of the organization's operations.
pub(crate) const ALL_DELETE: [&str; 2] = [op_sql::ALL_OPERATIONS_DELETE, op_sql::ALL_CLAIMS_DELETE];
