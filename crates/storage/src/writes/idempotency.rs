//! What writes leave beside their rows: operations that regions are watched for, and claims by
//! which a repeated request is known.

use std::collections::{HashMap, HashSet};

use strongroom_domain::crypto::Digest;
use strongroom_domain::idempotency::{EarlierRequest, IdempotencyRecord};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::replication::OperationId;
use strongroom_domain::{CredentialId, OrgId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::{get, org_id};
use crate::sql::operations as op_sql;
use crate::transaction::OrgTransaction;
use crate::writes::member::Member;
use crate::writes::write::WriteOp;

type ClaimId = (OrgId, Digest);

/// Inserts the idempotency records of a batch. A member whose key exists already writes nothing: it
/// gets the answer of the earlier request, or fails when that request was a different one.
///
/// The records are sorted, since an insert waits for another server's transaction that inserts the
/// same key: sorted inserts do not deadlock.
pub(crate) async fn claim(
    transaction: &OrgTransaction,
    members: &mut [Member<'_>],
) -> StoreResult<()> {
    let mut claimants: Vec<_> = members.iter_mut().filter_map(Claimant::new).collect();
    if claimants.is_empty() {
        return Ok(());
    }
    claimants.sort_by_key(Claimant::id);
    let taken = take(transaction, &claimants).await?;
    claimants.retain(|member| !taken.contains(&member.id()));
    if claimants.is_empty() {
        return Ok(());
    }
    let mut earlier = earlier(transaction, &claimants).await?;
    for claimant in claimants {
        let (member, request) = (claimant.member, claimant.record.request);
        match earlier.remove(&(member.org(), claimant.record.key)) {
            Some((digest, earlier)) if digest == request => member.earlier = Some(earlier),
            Some(_) => member.result = Err(StoreError::ReusedIdempotencyKey),
            // The record was pruned between the two statements.
            None => {
                member.result = Err(StoreError::Contended(
                    "an expired idempotency record".into(),
                ))
            }
        }
    }
    Ok(())
}

/// A member of a batch that has an idempotency record to insert.
struct Claimant<'m, 'w> {
    member: &'m mut Member<'w>,
    record: &'w IdempotencyRecord,
    credential: CredentialId,
    operation: OperationId,
}

impl<'m, 'w> Claimant<'m, 'w> {
    fn new(member: &'m mut Member<'w>) -> Option<Self> {
        let write = member.write;
        let WriteOp::Insert(row) = &write.op else {
            return None;
        };
        Some(Self {
            record: write.tracking.idempotency.as_ref()?,
            operation: write.tracking.operation?,
            credential: row.id,
            member,
        })
    }

    fn id(&self) -> ClaimId {
        (self.member.org(), self.record.key)
    }
}

async fn take(
    transaction: &OrgTransaction,
    claimants: &[Claimant<'_, '_>],
) -> StoreResult<HashSet<ClaimId>> {
    let rows: Vec<_> = claimants
        .iter()
        .map(|member| {
            let (record, at) = (member.record, member.member.event.at);
            let digests = (record.key.as_slice(), record.request.as_slice());
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
            &member.record.expires_at,
        ]);
    }
    let taken = transaction.insert(&op_sql::CLAIMS_INSERT, &params).await?;
    taken.iter().map(claim_id).collect()
}

async fn earlier(
    transaction: &OrgTransaction,
    claimants: &[Claimant<'_, '_>],
) -> StoreResult<HashMap<ClaimId, (Digest, EarlierRequest)>> {
    let (orgs, keys): (Vec<Uuid>, Vec<&[u8]>) = claimants
        .iter()
        .map(|member| (member.member.org().0, member.record.key.as_slice()))
        .unzip();
    let rows = transaction.query(op_sql::CLAIMS, &[&orgs, &keys]).await?;
    rows.iter()
        .map(|row| {
            let earlier = EarlierRequest {
                credential: CredentialId(get(row, "cred_id")?),
                operation: OperationId(get(row, "op_id")?),
            };
            Ok((claim_id(row)?, (digest(row, "request_digest")?, earlier)))
        })
        .collect()
}

fn claim_id(row: &Row) -> StoreResult<ClaimId> {
    Ok((org_id(row)?, digest(row, "key_digest")?))
}

fn digest(row: &Row, column: &'static str) -> StoreResult<Digest> {
    let bytes: Vec<u8> = get(row, column)?;
    Digest::try_from(bytes).map_err(|_| StoreError::Malformed("an idempotency record"))
}
