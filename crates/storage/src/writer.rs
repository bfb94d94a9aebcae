use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_domain::api_key::StoredApiKey;
use strongroom_domain::audit::{Event, Outcome};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::credential::SealedCredential;
use strongroom_domain::organization::Organization;
use strongroom_domain::store::{
    ChangeFn, ChangedCredential, StoreError, StoreResult, StoredOrgKey,
};
use strongroom_domain::{CredentialId, KeyId, OrgId};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::audit::{Appended, Lane};
use crate::database::Database;
use crate::gather::{Reply, Worker};
use crate::rows::get;
use crate::transaction::{OrgTransaction, within};
use crate::{rows, sql};

/// What a write does beside leaving its audit event.
pub(crate) enum Operation {
    Insert(SealedCredential),
    Change { id: CredentialId, change: ChangeFn },
    Delete(CredentialId),
    AddOrganization(Organization, StoredOrgKey),
    AddApiKey(StoredApiKey),
    RevokeApiKey(KeyId),
    Record,
}

/// A write that somebody waits for.
pub(crate) struct Write {
    pub(crate) scope: OrgScope,
    pub(crate) operation: Operation,
    pub(crate) event: Event,
    pub(crate) reply: Reply<()>,
}

/// Commits all waiting writes, and their audit events, in one transaction.
pub(crate) struct Writer {
    pub(crate) database: Database,
    pub(crate) lane: Lane,
}

#[async_trait]
impl Worker for Writer {
    type Member = Write;

    async fn run(&mut self, mut waiting: Vec<Write>) {
        while !waiting.is_empty() {
            waiting.retain(|write| !write.reply.is_closed());
            let (batch, later) = first_of_each_credential(waiting);
            waiting = later;
            self.commit_batch(batch).await;
        }
    }
}

/// Splits off the writes that may share a transaction: each credential once, so that writes to it keep their
/// order.
fn first_of_each_credential(waiting: Vec<Write>) -> (Vec<Write>, Vec<Write>) {
    let mut taken = HashSet::new();
    waiting
        .into_iter()
        .partition(|write| match write.operation {
            Operation::Change { id, .. } | Operation::Delete(id) => {
                taken.insert((write.scope.org(), id))
            }
            _ => true,
        })
}

impl Writer {
    // One bad write must not take the others with it: a batch that fails as a whole is tried one by one.
    async fn commit_batch(&mut self, batch: Vec<Write>) {
        match self.commit(&batch).await {
            Ok(results) => answer(batch, results),
            Err(error @ (StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_))) => {
                let results = batch.iter().map(|_| Err(again(&error))).collect();
                answer(batch, results);
            }
            Err(error) if batch.len() == 1 => answer(batch, vec![Err(error)]),
            Err(error) => {
                tracing::debug!(%error, writes = batch.len(), "a batch is tried one by one");
                for write in batch {
                    let single = [write];
                    let mut results = self.commit(&single).await;
                    let result = match &mut results {
                        Ok(results) => results.pop().unwrap_or(Ok(())),
                        Err(error) => Err(again(error)),
                    };
                    answer(single.into(), vec![result]);
                }
            }
        }
    }

    async fn commit(&mut self, batch: &[Write]) -> StoreResult<Vec<StoreResult<()>>> {
        let prepared = within(&self.database, self.prepare(batch)).await?;
        let Some((transaction, appended)) = prepared.to_commit else {
            return Ok(prepared.results);
        };
        match transaction.commit().await {
            Ok(()) => self.lane.committed(appended),
            Err(error) => {
                self.lane.forget(batch.iter().map(|write| write.scope));
                return Err(error);
            }
        }
        Ok(prepared.results)
    }

    async fn prepare(&self, batch: &[Write]) -> StoreResult<Prepared> {
        let scopes: Vec<OrgScope> = batch.iter().map(|write| write.scope).collect();
        let transaction = OrgTransaction::begin(&self.database, &scopes).await?;
        let mut members: Vec<Member<'_>> = batch.iter().map(Member::new).collect();
        let mut used = change(&transaction, &mut members).await?;
        delete(&transaction, &mut members).await?;
        used.extend(insert(&transaction, &members).await?);
        check_generations(&transaction, &used).await?;
        administer(&transaction, &mut members).await?;

        let events: Vec<_> = members
            .iter_mut()
            .filter(|member| member.result.is_ok())
            .map(|member| (member.write.scope, member.event.clone()))
            .collect();
        let results = members.into_iter().map(|member| member.result).collect();
        if events.is_empty() {
            transaction.finish().await?;
            return Ok(Prepared {
                results,
                to_commit: None,
            });
        }
        let appended = self.lane.append(&transaction, events).await?;
        Ok(Prepared {
            results,
            to_commit: Some((transaction, appended)),
        })
    }
}

struct Prepared {
    results: Vec<StoreResult<()>>,
    to_commit: Option<(OrgTransaction, Appended)>,
}

/// A write on its way through a batch.
struct Member<'a> {
    write: &'a Write,
    event: Event,
    result: StoreResult<()>,
}

impl<'a> Member<'a> {
    fn new(write: &'a Write) -> Self {
        Self {
            write,
            event: write.event.clone(),
            result: Ok(()),
        }
    }

    fn org(&self) -> OrgId {
        self.write.scope.org()
    }
}

/// The generation of an organisation's key that a written row names.
type Used = (OrgId, i32);

// After the rows are written, never before: a rotation that makes another generation active waits for the
// writers that already hold the table's lock, and whoever takes that lock later sees the new generation here.
async fn check_generations(transaction: &OrgTransaction, used: &[Used]) -> StoreResult<()> {
    let mut orgs: Vec<Uuid> = used.iter().map(|(org, _)| org.0).collect();
    orgs.sort_unstable();
    orgs.dedup();
    if orgs.is_empty() {
        return Ok(());
    }
    let mut active = HashMap::new();
    for row in transaction.query(sql::ACTIVE_GENERATIONS, &[&orgs]).await? {
        active.insert(OrgId(get(&row, "org_id")?), get::<i32>(&row, "generation")?);
    }
    let current = |(org, generation): &Used| active.get(org) == Some(generation);
    if used.iter().all(current) {
        Ok(())
    } else {
        Err(StoreError::RetiredKey)
    }
}

// Organisations and ids are visited in order, so that two servers cannot wait for each other.
async fn change(
    transaction: &OrgTransaction,
    members: &mut [Member<'_>],
) -> StoreResult<Vec<Used>> {
    let wanted = by_org(members, |operation| match operation {
        Operation::Change { id, .. } => Some(*id),
        _ => None,
    });
    let mut current = HashMap::new();
    for (org, ids) in &wanted {
        let rows = transaction
            .query(sql::CREDENTIALS_LOCK, &[&org.0, ids])
            .await?;
        for row in &rows {
            let (org, credential) = rows::sealed_credential(row)?;
            current.insert((org, credential.id), credential);
        }
    }
    let mut used = Vec::new();
    for member in members {
        let Operation::Change { id, change } = &member.write.operation else {
            continue;
        };
        let org = member.org();
        let changed = match current.remove(&(org, *id)) {
            None => Err(StoreError::NotFound),
            Some(row) => change(row),
        };
        match changed {
            Ok(changed) => {
                update(transaction, org, &changed).await?;
                used.push((org, changed.row.key_generation));
                let event = member.event.clone();
                member.event = event.of_write(changed.row.version, changed.digest);
            }
            Err(error) => member.result = Err(error),
        }
    }
    Ok(used)
}

async fn update(
    transaction: &OrgTransaction,
    org: OrgId,
    changed: &ChangedCredential,
) -> StoreResult<()> {
    let row = &changed.row;
    let params: &[&(dyn ToSql + Sync)] = &[
        &org.0,
        &row.id.0,
        &row.label.as_str(),
        &row.version,
        &row.key_generation,
        &row.wrapped_key,
        &row.sealed_blob,
        &row.updated_at,
    ];
    transaction.execute(sql::CREDENTIAL_UPDATE, params).await?;
    Ok(())
}

async fn delete(transaction: &OrgTransaction, members: &mut [Member<'_>]) -> StoreResult<()> {
    let wanted = by_org(members, |operation| match operation {
        Operation::Delete(id) => Some(*id),
        _ => None,
    });
    let mut versions: HashMap<(OrgId, Uuid), i64> = HashMap::new();
    for (org, ids) in &wanted {
        for row in transaction
            .query(sql::CREDENTIALS_DELETE, &[&org.0, ids])
            .await?
        {
            versions.insert((*org, get(&row, "cred_id")?), get(&row, "version")?);
        }
    }
    for member in members {
        if let Operation::Delete(id) = &member.write.operation {
            member.event.version = versions.get(&(member.org(), id.0)).copied();
            if member.event.version.is_none() {
                member.event.outcome = Outcome::NotFound;
            }
        }
    }
    Ok(())
}

async fn insert(transaction: &OrgTransaction, members: &[Member<'_>]) -> StoreResult<Vec<Used>> {
    let mut rows = Vec::new();
    let mut used = Vec::new();
    for member in members {
        if let Operation::Insert(row) = &member.write.operation {
            let org = member.org();
            let (provider, kind) = (row.provider.as_str(), row.kind.as_str());
            rows.push((org.0, row.id.0, provider, kind, row.label.as_str(), row));
            used.push((org, row.key_generation));
        }
    }
    let mut params: Vec<&(dyn ToSql + Sync)> =
        Vec::with_capacity(rows.len() * sql::CREDENTIALS_INSERT.columns);
    for (org, id, provider, kind, label, row) in &rows {
        params.extend_from_slice(&[
            org,
            id,
            provider,
            kind,
            label,
            &row.version,
            &row.key_generation,
            &row.wrapped_key,
            &row.sealed_blob,
            &row.updated_at,
            &row.pieces_user,
        ]);
    }
    transaction
        .insert(&sql::CREDENTIALS_INSERT, &params)
        .await?;
    Ok(used)
}

async fn administer(transaction: &OrgTransaction, members: &mut [Member<'_>]) -> StoreResult<()> {
    for member in members {
        let org = member.org();
        let at = member.event.at;
        match &member.write.operation {
            Operation::AddOrganization(organization, key) => {
                add_organization(transaction, organization, key).await?;
            }
            Operation::AddApiKey(key) => add_api_key(transaction, key).await?,
            Operation::RevokeApiKey(id) => {
                member.result = revoke_api_key(transaction, org, *id, at).await?;
            }
            Operation::Insert(_)
            | Operation::Change { .. }
            | Operation::Delete(_)
            | Operation::Record => {}
        }
    }
    Ok(())
}

async fn add_organization(
    transaction: &OrgTransaction,
    organization: &Organization,
    key: &StoredOrgKey,
) -> StoreResult<()> {
    let id = organization.id.0;
    let params: &[&(dyn ToSql + Sync)] = &[&id, &organization.name, &organization.created_at];
    transaction
        .execute(sql::ORGANIZATION_INSERT, params)
        .await?;
    let params: &[&(dyn ToSql + Sync)] = &[
        &id,
        &key.generation,
        &key.root_key.0,
        &key.wrapped,
        &key.active,
        &organization.created_at,
    ];
    transaction.execute(sql::ORG_KEY_INSERT, params).await?;
    Ok(())
}

async fn add_api_key(transaction: &OrgTransaction, key: &StoredApiKey) -> StoreResult<()> {
    let params: &[&(dyn ToSql + Sync)] = &[
        &key.org.0,
        &key.id.0,
        &key.role.as_str(),
        &key.name,
        &key.digest,
        &key.created_at,
        &key.expires_at,
    ];
    transaction.execute(sql::API_KEY_INSERT, params).await?;
    Ok(())
}

async fn revoke_api_key(
    transaction: &OrgTransaction,
    org: OrgId,
    id: KeyId,
    at: DateTime<Utc>,
) -> StoreResult<StoreResult<()>> {
    let params: &[&(dyn ToSql + Sync)] = &[&org.0, &id.0, &at];
    if transaction.execute(sql::API_KEY_REVOKE, params).await? == 0 {
        return Ok(Err(StoreError::NotFound));
    }
    transaction.query(sql::API_KEYS_CHANGED, &[]).await?;
    Ok(Ok(()))
}

fn by_org(
    members: &[Member<'_>],
    id: impl Fn(&Operation) -> Option<CredentialId>,
) -> BTreeMap<OrgId, Vec<Uuid>> {
    let mut ids: BTreeMap<OrgId, Vec<Uuid>> = BTreeMap::new();
    for member in members {
        if let Some(id) = id(&member.write.operation) {
            ids.entry(member.org()).or_default().push(id.0);
        }
    }
    ids
}

fn answer(batch: Vec<Write>, results: Vec<StoreResult<()>>) {
    for (write, result) in batch.into_iter().zip(results) {
        let _ = write.reply.send(result);
    }
}

// One cause, told to each of a batch's members.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::OutcomeUnknown(why) => StoreError::OutcomeUnknown(why.clone()),
        StoreError::Unavailable(why) => StoreError::Unavailable(why.clone()),
        StoreError::Conflict => StoreError::Conflict,
        StoreError::RetiredKey => StoreError::RetiredKey,
        other => StoreError::Internal(other.to_string()),
    }
}
