//! What writes of relay policies, and uses of credentials, do in the transaction of their batch.

use std::collections::{BTreeSet, HashSet};

use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::{CredentialId, OrgId};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::policy_rows::{PolicyParams, used_stamp};
use crate::rows::{get, text};
use crate::sql;
use crate::transaction::OrgTransaction;
use crate::transaction::statement::Step;
use crate::writes::locked::{by_org, lock};
use crate::writes::member::Member;
use crate::writes::write::WriteOp;

/// Stores the policies of a batch. Returns the key generations of the rows.
pub(crate) async fn put(
    transaction: &OrgTransaction,
    members: &mut [Member<'_>],
) -> StoreResult<Vec<(OrgId, i32)>> {
    let wanted = by_org(members, |operation| match operation {
        WriteOp::PutPolicy { id, .. } => Some(*id),
        _ => None,
    });
    let locked = lock(transaction, &wanted).await?;
    let mut used = BTreeSet::new();
    for member in members {
        let WriteOp::PutPolicy { id, policy } = &member.write.op else {
            continue;
        };
        let org = member.org();
        let live = locked.row(org, id.0).and_then(|row| match row {
            Some(row) => {
                Ok(get::<Option<chrono::DateTime<chrono::Utc>>>(row, "deleted_at")?.is_none())
            }
            None => Ok(false),
        });
        member.result = match live {
            Ok(true) => {
                let params = PolicyParams::of(&org.0, &id.0, policy);
                match transaction
                    .execute(sql::POLICY_PUT, &params.params())
                    .await?
                {
                    0 => Err(StoreError::Conflict),
                    _ => {
                        let sealed = policy.sealed.as_ref();
                        used.extend(sealed.map(|sealed| (org, sealed.key_generation)));
                        Ok(())
                    }
                }
            }
            Ok(false) => Err(StoreError::NotFound),
            Err(error) => Err(error),
        };
    }
    Ok(used.into_iter().collect())
}

/// The uses of a batch, with the stamps of the rows that they were planned with.
#[derive(Default)]
pub(crate) struct Uses<'a> {
    orgs: Vec<Uuid>,
    ids: Vec<Uuid>,
    stamps: Vec<&'a str>,
}

impl<'a> Uses<'a> {
    pub(crate) fn of(members: &[Member<'a>]) -> Self {
        let mut uses = Self::default();
        for member in members {
            if let WriteOp::RecordIfCurrent(used) = &member.write.op {
                uses.orgs.push(member.org().0);
                uses.ids.push(used.id.0);
                uses.stamps.push(&used.stamp);
            }
        }
        uses
    }

    /// The step that fails unless all stamps are current.
    pub(crate) fn check(&self) -> Option<Step<'_>> {
        let check = Step::CheckUses([&self.orgs, &self.ids, &self.stamps]);
        (!self.orgs.is_empty()).then_some(check)
    }
}

/// Refuses the uses of a batch whose credential or policy has changed, and the reveals from memory
/// whose credential has.
pub(crate) async fn refuse_outdated(
    transaction: &OrgTransaction,
    members: &mut [Member<'_>],
) -> StoreResult<()> {
    let uses = Uses::of(members);
    if uses.orgs.is_empty() {
        return Ok(());
    }
    let mut current = HashSet::new();
    let params: &[&(dyn ToSql + Sync)] = &[&uses.orgs, &uses.ids];
    for row in transaction.query(sql::USES_CURRENT, params).await? {
        let org = OrgId(get(&row, "org_id")?);
        let id = CredentialId(get(&row, "cred_id")?);
        let stamp = text(&row, "stamp")?;
        current.extend(used_stamp(&stamp, &row)?.map(|used| (org, id, used)));
        current.insert((org, id, stamp));
    }
    for member in members {
        if let WriteOp::RecordIfCurrent(used) = &member.write.op
            && !current.contains(&(member.org(), used.id, used.stamp.clone()))
        {
            member.result = Err(StoreError::OutdatedRow);
        }
    }
    Ok(())
}
