//! The rows that a batch changes, locked until its transaction ends.

use std::collections::{BTreeMap, HashMap, HashSet};

use strongroom_domain::history::{Current, StoredVersion};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::{CredentialId, OrgId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::get;
use crate::transaction::OrgTransaction;
use crate::writes::member::Member;
use crate::writes::write::WriteOp;
use crate::{credential_rows, sql};

/// Ids of credentials, by organization.
pub(super) type ByOrg = BTreeMap<OrgId, Vec<Uuid>>;

/// Rows held until the transaction ends, and the ids of those that another transaction holds.
pub(super) struct Locked {
    rows: HashMap<(OrgId, Uuid), Row>,
    held_elsewhere: HashSet<(OrgId, Uuid)>,
}

impl Locked {
    /// The row; `None` if there is none.
    pub(super) fn row(&self, org: OrgId, id: Uuid) -> StoreResult<Option<&Row>> {
        match self.rows.get(&(org, id)) {
            Some(row) => Ok(Some(row)),
            None if self.held_elsewhere.contains(&(org, id)) => Err(StoreError::Contended(
                "another transaction holds the credential".into(),
            )),
            None => Ok(None),
        }
    }
}

/// The ids in the operations of a batch that `id` selects.
pub(super) fn by_org(
    members: &[Member<'_>],
    id: impl Fn(&WriteOp) -> Option<CredentialId>,
) -> ByOrg {
    let mut ids = ByOrg::new();
    for member in members {
        if let Some(id) = id(&member.write.op) {
            ids.entry(member.org()).or_default().push(id.0);
        }
    }
    ids
}

/// Locks rows. It never waits for one: every member of the shared transaction would wait with it.
pub(super) async fn lock(transaction: &OrgTransaction, wanted: &ByOrg) -> StoreResult<Locked> {
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

/// The other values of credentials, by organization and id.
pub(super) struct Histories(HashMap<(OrgId, Uuid), StoreResult<Vec<StoredVersion>>>);

impl Histories {
    /// Those of the locked rows that have any.
    pub(super) async fn of(transaction: &OrgTransaction, locked: &Locked) -> StoreResult<Self> {
        let mut wanted = ByOrg::new();
        for ((org, id), row) in &locked.rows {
            if get::<Option<&[u8]>>(row, "history")?.is_some() {
                wanted.entry(*org).or_default().push(*id);
            }
        }
        let mut histories = HashMap::new();
        for (org, ids) in wanted {
            let rows = transaction.query(sql::VERSIONS, &[&org.0, &ids]).await?;
            for row in &rows {
                let place = (org, get(row, "cred_id")?);
                let found = histories.entry(place).or_insert(Ok(Vec::new()));
                match (found.as_mut(), credential_rows::stored_version(row)) {
                    (Ok(versions), Ok(version)) => versions.push(version),
                    (_, Err(error)) => *found = Err(error),
                    (Err(_), _) => {}
                }
            }
        }
        Ok(Self(histories))
    }

    /// The credential of `row`, with its other values.
    pub(super) fn current(&mut self, row: &Row) -> StoreResult<Current> {
        let (org, row) = credential_rows::sealed_credential(row)?;
        let versions = self.0.remove(&(org, row.id.0));
        Ok(Current {
            versions: versions.unwrap_or(Ok(Vec::new()))?,
            row,
        })
    }
}
