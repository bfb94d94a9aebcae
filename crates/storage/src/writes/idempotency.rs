//! What writes leave beside their rows: operations that regions are watched for, and claims by
//! which a repeated request is known.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use strongroom_domain::audit::chain::Chain;
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
    chain: &Chain,
) -> StoreResult<()> {
    let mut claimants: Vec<_> = members.iter_mut().filter_map(Claimant::new).collect();
    if claimants.is_empty() {
        return Ok(());
    }
    claimants.sort_by_key(Claimant::id);
    let taken = take(transaction, &claimants, chain).await?;
    claimants.retain(|member| !taken.contains(&member.id()));
    if claimants.is_empty() {
        return Ok(());
    }
    let mut stored = stored(transaction, &claimants).await?;
    for claimant in claimants {
        let (org, key, at) = (claimant.org(), claimant.record.key, claimant.at());
        let found = stored.remove(&(org, key));
        let (member, request) = (claimant.member, claimant.record.request);
        match found {
            Some(found) if !found.is_genuine(org, chain, at) => {
                member.result = Err(StoreError::Malformed("an idempotency record"));
            }
            Some(found) if found.record.request == request => member.earlier = Some(found.first),
            Some(_) => member.result = Err(StoreError::ReusedIdempotencyKey),
            // The record was pruned between the two statements.
            None => member.result = Err(StoreError::Contended("a record that expired".into())),
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
        (self.org(), self.record.key)
    }

    fn org(&self) -> OrgId {
        self.member.org()
    }

    fn at(&self) -> DateTime<Utc> {
        self.member.event.at
    }

    fn first(&self) -> EarlierRequest {
        EarlierRequest {
            credential: self.credential,
            operation: self.operation,
        }
    }
}

/// A record that the table has.
struct StoredRecord {
    record: IdempotencyRecord,
    first: EarlierRequest,
    proof: Option<Vec<u8>>,
}

impl StoredRecord {
    fn is_genuine(&self, org: OrgId, chain: &Chain, now: DateTime<Utc>) -> bool {
        chain.is_idempotency_record(org, &self.record, &self.first, self.proof.as_deref(), now)
    }
}

async fn take(
    transaction: &OrgTransaction,
    claimants: &[Claimant<'_, '_>],
    chain: &Chain,
) -> StoreResult<HashSet<ClaimId>> {
    let rows: Vec<_> = claimants
        .iter()
        .map(|member| {
            let (org, record, first) = (member.org(), member.record, member.first());
            let digests = (record.key.as_slice(), record.request.as_slice());
            let proof = chain.prove_idempotency(org, record, &first).to_vec();
            (org.0, digests, first, member.at(), record.expires_at, proof)
        })
        .collect();
    let mut params: Vec<&(dyn ToSql + Sync)> = Vec::new();
    for (org, (key, request), first, at, expires_at, proof) in &rows {
        params.extend_from_slice(&[
            org,
            key,
            request,
            &first.credential.0,
            &first.operation.0,
            at,
            expires_at,
            proof,
        ]);
    }
    let taken = transaction.insert(&op_sql::CLAIMS_INSERT, &params).await?;
    taken.iter().map(claim_id).collect()
}

async fn stored(
    transaction: &OrgTransaction,
    claimants: &[Claimant<'_, '_>],
) -> StoreResult<HashMap<ClaimId, StoredRecord>> {
    let (orgs, keys): (Vec<Uuid>, Vec<&[u8]>) = claimants
        .iter()
        .map(|member| (member.org().0, member.record.key.as_slice()))
        .unzip();
    let rows = transaction.query(op_sql::CLAIMS, &[&orgs, &keys]).await?;
    rows.iter()
        .map(|row| Ok((claim_id(row)?, stored_record(row)?)))
        .collect()
}

fn stored_record(row: &Row) -> StoreResult<StoredRecord> {
    Ok(StoredRecord {
        record: IdempotencyRecord {
            key: digest(row, "key_digest")?,
            request: digest(row, "request_digest")?,
            expires_at: get(row, "expires_at")?,
        },
        first: EarlierRequest {
            credential: CredentialId(get(row, "cred_id")?),
            operation: OperationId(get(row, "op_id")?),
        },
        proof: get(row, "proof")?,
    })
}

fn claim_id(row: &Row) -> StoreResult<ClaimId> {
    Ok((org_id(row)?, digest(row, "key_digest")?))
}

fn digest(row: &Row, column: &'static str) -> StoreResult<Digest> {
    let bytes: Vec<u8> = get(row, column)?;
    Digest::try_from(bytes).map_err(|_| StoreError::Malformed("an idempotency record"))
}
