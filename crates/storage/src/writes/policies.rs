//! What writes of relay policies, and uses of credentials, do in the transaction of their batch.

use std::collections::{BTreeSet, HashSet};

use strongroom_domain::OrgId;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::policy_rows::PolicyParams;
use crate::rows::get;
use crate::sql;
use crate::transaction::OrgTransaction;
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

/// Refuses the uses of a batch that are checked, and whose credential or policy has other versions.
pub(crate) async fn check_uses(
    transaction: &OrgTransaction,
    members: &mut [Member<'_>],
) -> StoreResult<()> {
    let (mut orgs, mut ids) = (Vec::new(), Vec::new());
    let (mut versions, mut policy_versions) = (Vec::new(), Vec::new());
    for member in &*members {
        if let WriteOp::Use(check) = &member.write.op {
            orgs.push(member.org().0);
            ids.push(check.id.0);
            versions.push(check.version);
            policy_versions.push(check.policy_version);
        }
    }
    if orgs.is_empty() {
        return Ok(());
    }
    let params: &[&(dyn ToSql + Sync)] = &[&orgs, &ids, &versions, &policy_versions];
    let mut current = HashSet::new();
    for row in transaction.query(sql::USES_CURRENT, params).await? {
        current.insert((get::<Uuid>(&row, "org_id")?, get::<Uuid>(&row, "cred_id")?));
    }
    for member in members {
        if let WriteOp::Use(check) = &member.write.op
            && !current.contains(&(member.org().0, check.id.0))
        {
            member.result = Err(StoreError::Conflict);
        }
    }
    Ok(())
}
