//! Deletions of credentials.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use strongroom_domain::OrgId;
use strongroom_domain::audit::event::Outcome;
use strongroom_domain::credential::Removal;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::ports::store::DeleteFn;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::get;
use crate::transaction::OrgTransaction;
use crate::writes::locked::{ByOrg, by_org, lock};
use crate::writes::member::Member;
use crate::writes::write::WriteOp;
use crate::{credential_rows, sql};

/// Rows that stay until a time, of one organization.
#[derive(Default)]
struct Retained {
    ids: Vec<Uuid>,
    at: Vec<DateTime<Utc>>,
    until: Vec<DateTime<Utc>>,
}

/// Carries out the deletions of a batch.
pub(crate) async fn delete(
    transaction: &OrgTransaction,
    members: &mut [Member<'_>],
) -> StoreResult<()> {
    let wanted = by_org(members, |operation| match operation {
        WriteOp::Delete { id, .. } => Some(*id),
        _ => None,
    });
    let locked = lock(transaction, &wanted).await?;
    let (mut removed, mut retained) = (ByOrg::new(), BTreeMap::<OrgId, Retained>::new());
    for member in members {
        let WriteOp::Delete { id, removal, admit } = &member.write.op else {
            continue;
        };
        let row = locked.row(member.org(), id.0);
        match row.and_then(|row| admitted(row, *removal, admit)) {
            Ok(Some(Admitted {
                versions: (version, value_version),
                opens,
            })) => {
                let mut event = member.event.clone().into_owned();
                // A row that cannot be read could be neither restored nor purged.
                let removal = if opens { *removal } else { Removal::AtOnce };
                if removal == Removal::AtOnce {
                    event.details = event.details.and_then(|it| it.without("recover_until"));
                }
                match removal {
                    Removal::AtOnce | Removal::Purge => {
                        removed.entry(member.org()).or_default().push(id.0);
                    }
                    Removal::Until(until) => {
                        let retained = retained.entry(member.org()).or_default();
                        retained.ids.push(id.0);
                        retained.at.push(event.at);
                        retained.until.push(until);
                    }
                }
                member.event = Cow::Owned(event.of_version(version, value_version));
            }
            Ok(None) | Err(StoreError::NotFound) => {
                member.event.to_mut().outcome = Outcome::NotFound;
            }
            Err(error) => member.result = Err(error),
        }
    }
    for (org, ids) in &removed {
        remove(transaction, *org, ids).await?;
    }
    for (org, Retained { ids, at, until }) in &retained {
        let params: &[&(dyn ToSql + Sync)] = &[&org.0, ids, at, until];
        transaction.execute(sql::CREDENTIALS_RETAIN, params).await?;
    }
    Ok(())
}

/// A row whose deletion was admitted.
struct Admitted {
    versions: (i64, i64),
    /// Whether the row can be read.
    opens: bool,
}

/// A row whose deletion `admit` admits; `None` if there is none to delete.
fn admitted(
    row: Option<&Row>,
    removal: Removal,
    admit: &DeleteFn,
) -> StoreResult<Option<Admitted>> {
    let deleted = |row: &Row| get::<Option<DateTime<Utc>>>(row, "deleted_at");
    let row = match row {
        Some(row) if deleted(row)?.is_some() && removal != Removal::Purge => None,
        row => row,
    };
    let read = row.map(|row| credential_rows::sealed_credential(row).map(|(_, row)| row));
    let opens = !matches!(read, Some(Err(_)));
    admit(read.transpose())?;
    let admitted = |row| versions(row).map(|versions| Admitted { versions, opens });
    row.map(admitted).transpose()
}

/// Removes credentials with all that belongs to them.
pub(crate) async fn remove(
    transaction: &OrgTransaction,
    org: OrgId,
    ids: &Vec<Uuid>,
) -> StoreResult<()> {
    let params: &[&(dyn ToSql + Sync)] = &[&org.0, ids];
    transaction.execute(sql::CREDENTIALS_DELETE, params).await?;
    remove_rest(transaction, org, ids).await
}

/// Removes what belongs to credentials that are removed.
pub(crate) async fn remove_rest(
    transaction: &OrgTransaction,
    org: OrgId,
    ids: &Vec<Uuid>,
) -> StoreResult<()> {
    let params: &[&(dyn ToSql + Sync)] = &[&org.0, ids];
    transaction.execute(sql::VERSIONS_DELETE, params).await?;
    transaction.execute(sql::POLICIES_DELETE, params).await?;
    transaction
        .execute(sql::CREDENTIAL_USES_DELETE, params)
        .await?;
    Ok(())
}

/// The versions of a row and of its value.
pub(crate) fn versions(row: &Row) -> StoreResult<(i64, i64)> {
    let version = get(row, "version")?;
    let value_version: Option<i64> = get(row, "value_version")?;
    Ok((version, value_version.unwrap_or(version)))
}
