//! What the writes of one batch do to the tables, all in one transaction.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use strongroom_domain::audit::event::Outcome;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::ports::store::ChangedCredential;
use strongroom_domain::{CredentialId, OrgId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::get;
use crate::transaction::OrgTransaction;
use crate::writes::member::Member;
use crate::writes::write::WriteOp;
use crate::{rows, sql};

pub(crate) async fn change(
    transaction: &OrgTransaction,
    members: &mut [Member<'_>],
) -> StoreResult<Vec<(OrgId, i32)>> {
    let wanted = by_org(members, |operation| match operation {
        WriteOp::Change { id, .. } => Some(*id),
        _ => None,
    });
    let mut locked = lock(transaction, &wanted).await?;
    let mut used = Vec::new();
    for member in members {
        let WriteOp::Change { id, change } = &member.write.op else {
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

// Never waits for a row: every member of the shared transaction would wait with it.
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

pub(crate) async fn delete(
    transaction: &OrgTransaction,
    members: &mut [Member<'_>],
) -> StoreResult<()> {
    let wanted = by_org(members, |operation| match operation {
        WriteOp::Delete { id, .. } => Some(*id),
        _ => None,
    });
    let mut locked = lock(transaction, &wanted).await?;
    leave_unreached(members, &mut locked)?;
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
        let WriteOp::Delete { id, .. } = &member.write.op else {
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

// Rows that the caller does not reach are not deleted, and are answered like missing ones.
fn leave_unreached(members: &[Member<'_>], locked: &mut Locked) -> StoreResult<()> {
    for member in members {
        let WriteOp::Delete {
            id,
            reach: Some(reach),
        } = &member.write.op
        else {
            continue;
        };
        let position = (member.org(), id.0);
        if let Some(row) = locked.rows.get(&position) {
            let (_, row) = rows::sealed_credential(row)?;
            if !reach.contains(row.id, row.provider, row.kind, &row.label) {
                locked.rows.remove(&position);
            }
        }
    }
    Ok(())
}

fn by_org(
    members: &[Member<'_>],
    id: impl Fn(&WriteOp) -> Option<CredentialId>,
) -> BTreeMap<OrgId, Vec<Uuid>> {
    let mut ids: BTreeMap<OrgId, Vec<Uuid>> = BTreeMap::new();
    for member in members {
        if let Some(id) = id(&member.write.op) {
            ids.entry(member.org()).or_default().push(id.0);
        }
    }
    ids
}
