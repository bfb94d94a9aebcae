//! What the writes of one batch do to the tables, all in one transaction.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use strongroom_domain::audit::event::Outcome;
use strongroom_domain::entity_tag::EntityTag;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::ports::store::ChangedCredential;
use strongroom_domain::{CredentialId, OrgId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::get;
use crate::transaction::OrgTransaction;
use crate::transaction::statement::Tag;
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
    /// The row; `None` if there is none.
    fn current(&self, org: OrgId, id: Uuid) -> StoreResult<Option<&Row>> {
        match self.rows.get(&(org, id)) {
            Some(row) => Ok(Some(row)),
            None => match self.absence(org, id) {
                StoreError::NotFound => Ok(None),
                contended => Err(contended),
            },
        }
    }

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
    let etag = Tag(EntityTag::new(row.version, &changed.digest));
    let params: &[&(dyn ToSql + Sync)] = &[
        &org.0,
        &row.id.0,
        &row.label.as_str(),
        &row.version,
        &row.key_generation,
        &row.wrapped_key,
        &row.sealed_blob,
        &row.updated_at,
        &etag,
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
    let locked = lock(transaction, &wanted).await?;
    let mut admitted: BTreeMap<OrgId, Vec<Uuid>> = BTreeMap::new();
    for member in members {
        let WriteOp::Delete { id, admit } = &member.write.op else {
            continue;
        };
        let decided = locked.current(member.org(), id.0).and_then(|row| {
            let read = row.map(|row| rows::sealed_credential(row).map(|(_, row)| row));
            admit(read.transpose())?;
            row.map(|row| get(row, "version")).transpose()
        });
        match decided {
            Ok(Some(version)) => {
                admitted.entry(member.org()).or_default().push(id.0);
                member.event.to_mut().version = Some(version);
            }
            Ok(None) | Err(StoreError::NotFound) => {
                member.event.to_mut().outcome = Outcome::NotFound;
            }
            Err(error) => member.result = Err(error),
        }
    }
    for (org, ids) in &admitted {
        let params: &[&(dyn ToSql + Sync)] = &[&org.0, ids];
        transaction.execute(sql::CREDENTIALS_DELETE, params).await?;
        transaction
            .execute(sql::CREDENTIAL_USES_DELETE, params)
            .await?;
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
