//! What the writes of one batch do to the tables, all in one transaction.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use strongroom_domain::audit::event::{Event, Outcome};
use strongroom_domain::credential::SealedCredential;
use strongroom_domain::idempotency::Earlier;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::ports::store::ChangedCredential;
use strongroom_domain::{CredentialId, OrgId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::administration::administer;
use crate::rows::get;
use crate::statement::Step;
use crate::tracking::claim;
use crate::transaction::OrgTransaction;
use crate::writer::{Operation, Write};
use crate::{rows, sql};

/// Carries out what needs answers from the database for every write of `batch`. A write that fails by itself has
/// that as its result, and has changed nothing; an error fails the batch as a whole. What is left to do for those
/// that did not fail is in the statements of [`NewRows`]. With the generations that changed rows name.
pub(crate) async fn carry_out<'a>(
    transaction: &OrgTransaction,
    batch: &'a [Write],
) -> StoreResult<(Vec<Member<'a>>, Vec<(OrgId, i32)>)> {
    let mut members: Vec<Member<'_>> = batch.iter().map(Member::new).collect();
    claim(transaction, &mut members).await?;
    let used = change(transaction, &mut members).await?;
    delete(transaction, &mut members).await?;
    for member in &mut members {
        member.result = match std::mem::replace(&mut member.result, Ok(())) {
            Ok(()) => administer(transaction, member.write).await?,
            failed => failed,
        };
    }
    Ok((members, used))
}

/// A write on its way through a batch.
pub(crate) struct Member<'a> {
    pub(crate) write: &'a Write,
    /// The event to record, with what is known of the row by now.
    pub(crate) event: Cow<'a, Event>,
    pub(crate) result: StoreResult<()>,
    /// What an earlier request did that this one repeats.
    pub(crate) earlier: Option<Earlier>,
}

impl<'a> Member<'a> {
    fn new(write: &'a Write) -> Self {
        Self {
            write,
            event: Cow::Borrowed(&write.event),
            result: Ok(()),
            earlier: None,
        }
    }

    pub(crate) fn has_written(&self) -> bool {
        self.result.is_ok() && self.earlier.is_none()
    }

    pub(crate) fn org(&self) -> OrgId {
        self.write.scope.org()
    }
}

async fn change(
    transaction: &OrgTransaction,
    members: &mut [Member<'_>],
) -> StoreResult<Vec<(OrgId, i32)>> {
    let wanted = by_org(members, |operation| match operation {
        Operation::Change { id, .. } => Some(*id),
        _ => None,
    });
    let mut locked = lock(transaction, &wanted).await?;
    let mut used = Vec::new();
    for member in members {
        let Operation::Change { id, change } = &member.write.operation else {
            continue;
        };
        let org = member.org();
        let changed = match locked.rows.remove(&(org, id.0)) {
            Some(row) => rows::sealed_credential(&row).and_then(|(_, row)| change(row)),
            None => Err(locked.absence(org, id.0)),
        };
        match changed {
            Ok(changed) => {
                update(transaction, org, &changed).await?;
                used.push((org, changed.row.key_generation));
                let event = member.write.event.clone();
                let event = event.of_write(changed.row.version, changed.digest);
                member.event = Cow::Owned(event);
            }
            Err(error) => member.result = Err(error),
        }
    }
    Ok(used)
}

/// Rows held until the transaction ends, and the ids of those that another transaction holds.
struct Locked {
    rows: HashMap<(OrgId, Uuid), Row>,
    held_elsewhere: HashSet<(OrgId, Uuid)>,
}

impl Locked {
    /// Why a row is not among the locked ones.
    fn absence(&self, org: OrgId, id: Uuid) -> StoreError {
        if self.held_elsewhere.contains(&(org, id)) {
            StoreError::Contended("another transaction holds the credential".into())
        } else {
            StoreError::NotFound
        }
    }
}

// Never waits for a row: in a shared transaction everybody would wait along.
async fn lock(
    transaction: &OrgTransaction,
    wanted: &BTreeMap<OrgId, Vec<Uuid>>,
) -> StoreResult<Locked> {
    let mut locked = Locked {
        rows: HashMap::new(),
        held_elsewhere: HashSet::new(),
    };
    for (org, ids) in wanted {
        for row in transaction
            .query(sql::CREDENTIALS_LOCK, &[&org.0, ids])
            .await?
        {
            locked.rows.insert((*org, get(&row, "cred_id")?), row);
        }
        let missing = |id: &&Uuid| !locked.rows.contains_key(&(*org, **id));
        let missing: Vec<Uuid> = ids.iter().filter(missing).copied().collect();
        if missing.is_empty() {
            continue;
        }
        let params: &[&(dyn ToSql + Sync)] = &[&org.0, &missing];
        for row in transaction.query(sql::CREDENTIALS_EXISTING, params).await? {
            locked.held_elsewhere.insert((*org, get(&row, "cred_id")?));
        }
    }
    Ok(locked)
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
    let locked = lock(transaction, &wanted).await?;
    for (org, ids) in &wanted {
        let held = |id: &&Uuid| locked.rows.contains_key(&(*org, **id));
        let held: Vec<Uuid> = ids.iter().filter(held).copied().collect();
        if !held.is_empty() {
            let params: &[&(dyn ToSql + Sync)] = &[&org.0, &held];
            transaction.execute(sql::CREDENTIALS_DELETE, params).await?;
            transaction
                .execute(sql::CREDENTIAL_USES_DELETE, params)
                .await?;
        }
    }
    for member in members {
        let Operation::Delete(id) = &member.write.operation else {
            continue;
        };
        match locked.rows.get(&(member.org(), id.0)) {
            Some(row) => member.event.to_mut().version = Some(get(row, "version")?),
            None => match locked.absence(member.org(), id.0) {
                StoreError::NotFound => member.event.to_mut().outcome = Outcome::NotFound,
                contended => member.result = Err(contended),
            },
        }
    }
    Ok(())
}

/// New credentials of a batch, and what its writes leave to be watched for.
pub(crate) struct NewRows<'a> {
    credentials: Vec<NewCredential<'a>>,
    operations: Vec<(Uuid, Uuid)>,
}

struct NewCredential<'a> {
    org: OrgId,
    provider: &'static str,
    kind: &'static str,
    label: &'a str,
    row: &'a SealedCredential,
}

impl<'a> NewRows<'a> {
    /// Those of all members that have not failed.
    pub(crate) fn of(members: &[Member<'a>]) -> Self {
        let mut rows = Self {
            credentials: Vec::new(),
            operations: Vec::new(),
        };
        for member in members.iter().filter(|member| member.has_written()) {
            let (org, write) = (member.org(), member.write);
            if let Operation::Insert(row) = &write.operation {
                rows.credentials.push(NewCredential {
                    org,
                    provider: row.provider.as_str(),
                    kind: row.kind.as_str(),
                    label: row.label.as_str(),
                    row,
                });
            }
            let operation = write.tracking.operation;
            rows.operations.extend(operation.map(|id| (org.0, id.0)));
        }
        rows
    }

    /// The generations that the new rows name.
    pub(crate) fn used(&self) -> impl Iterator<Item = (OrgId, i32)> {
        let rows = self.credentials.iter();
        rows.map(|new| (new.org, new.row.key_generation))
    }

    /// The steps that insert them.
    pub(crate) fn steps(&self) -> Vec<Step<'_>> {
        let mut params: Vec<&(dyn ToSql + Sync)> =
            Vec::with_capacity(self.credentials.len() * sql::CREDENTIALS_INSERT.columns);
        for new in &self.credentials {
            params.extend_from_slice(&[
                &new.org.0,
                &new.row.id.0,
                &new.provider,
                &new.kind,
                &new.label,
                &new.row.version,
                &new.row.key_generation,
                &new.row.wrapped_key,
                &new.row.sealed_blob,
                &new.row.updated_at,
                &new.row.pieces_user,
            ]);
        }
        let mut steps = Vec::new();
        if !params.is_empty() {
            steps.push(Step::Insert(&sql::CREDENTIALS_INSERT, params));
        }
        let mut params: Vec<&(dyn ToSql + Sync)> = Vec::with_capacity(self.operations.len() * 2);
        for (org, operation) in &self.operations {
            params.extend_from_slice(&[org, operation]);
        }
        if !params.is_empty() {
            steps.push(Step::Insert(&sql::operations::OPERATIONS_INSERT, params));
        }
        steps
    }
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
