//! Changes of credentials.

use std::borrow::Cow;

use strongroom_domain::audit::event::Event;
use strongroom_domain::credential::SealedCredential;
use strongroom_domain::entity_tag::EntityTag;
use strongroom_domain::history::{
    Current, Kept, SealedValue, Stage, StoredVersion, VersionChanges,
};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::ports::store::{ChangeFn, ChangedCredential};
use strongroom_domain::{CredentialId, OrgId};
use tokio_postgres::types::ToSql;

use crate::sql;
use crate::transaction::OrgTransaction;
use crate::transaction::statement::Tag;
use crate::writes::locked::{Histories, Locked, by_org, lock};
use crate::writes::member::Member;
use crate::writes::write::WriteOp;

/// Carries out the changes and restorations of a batch. Returns the key generations of the rows.
pub(crate) async fn change(
    transaction: &OrgTransaction,
    members: &mut [Member<'_>],
) -> StoreResult<Vec<(OrgId, i32)>> {
    let wanted = by_org(members, |operation| match operation {
        WriteOp::Change { id, .. } | WriteOp::Restore { id, .. } => Some(*id),
        _ => None,
    });
    let locked = lock(transaction, &wanted).await?;
    let mut histories = Histories::of(transaction, &locked).await?;
    let mut used = Vec::new();
    for member in members {
        let org = member.org();
        let changed = match &member.write.op {
            WriteOp::Change { id, change } => {
                next(&locked, &mut histories, (org, *id), (change, false))
            }
            WriteOp::Restore { id, change } => {
                next(&locked, &mut histories, (org, *id), (change, true))
            }
            _ => continue,
        };
        match changed {
            Ok(changed) => {
                store(transaction, org, &changed).await?;
                used.push((org, changed.row.key_generation));
                member.event = Cow::Owned(completed(member.write.event.clone(), &changed));
            }
            Err(error) => member.result = Err(error),
        }
    }
    Ok(used)
}

/// The next version of a row that is deleted, or is not.
fn next(
    locked: &Locked,
    histories: &mut Histories,
    (org, id): (OrgId, CredentialId),
    (change, deleted): (&ChangeFn, bool),
) -> StoreResult<ChangedCredential> {
    let row = locked.row(org, id.0)?.ok_or(StoreError::NotFound)?;
    let current: Current = histories.current(row)?;
    if current.row.deletion.is_some() != deleted {
        return Err(StoreError::NotFound);
    }
    change(current)
}

fn completed(event: Event, changed: &ChangedCredential) -> Event {
    let event = event.of_write(&changed.row, changed.digest);
    match &changed.details {
        Some(details) => event.with_details(details.clone()),
        None => event,
    }
}

async fn store(
    transaction: &OrgTransaction,
    org: OrgId,
    changed: &ChangedCredential,
) -> StoreResult<()> {
    let row = &changed.row;
    let etag = Tag(EntityTag::new(row.version, &changed.digest));
    let expires_at = row.expiry.map(|expiry| expiry.at);
    let expires_source = row.expiry.map(|expiry| expiry.source.as_str());
    let history = row.history.as_ref().map(|history| &history[..]);
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
        &row.value_version,
        &expires_at,
        &expires_source,
        &history,
    ];
    transaction.execute(sql::CREDENTIAL_UPDATE, params).await?;
    if row.deletion.is_some() {
        let params: &[&(dyn ToSql + Sync)] = &[&org.0, &row.id.0];
        transaction.execute(sql::CREDENTIAL_RESTORE, params).await?;
    }
    store_versions(transaction, org, row, &changed.versions).await
}

async fn store_versions(
    transaction: &OrgTransaction,
    org: OrgId,
    row: &SealedCredential,
    versions: &VersionChanges,
) -> StoreResult<()> {
    if !versions.removed.is_empty() {
        let params: &[&(dyn ToSql + Sync)] = &[&org.0, &row.id.0, &versions.removed];
        transaction.execute(sql::VERSIONS_REMOVE, params).await?;
    }
    for version in &versions.put {
        put_version(transaction, org, row, version).await?;
    }
    Ok(())
}

async fn put_version(
    transaction: &OrgTransaction,
    org: OrgId,
    row: &SealedCredential,
    version: &StoredVersion,
) -> StoreResult<()> {
    let stage = version.stage.map(Stage::as_str);
    let expires_at = version.expiry.map(|expiry| expiry.at);
    let expires_source = version.expiry.map(|expiry| expiry.source.as_str());
    let sealed = version.sealed();
    let generation = sealed.map(|sealed| sealed.key_generation);
    let bytes = |of: fn(&SealedValue) -> &Vec<u8>| sealed.map(|sealed| of(sealed).as_slice());
    let wrapped_key = bytes(|sealed| &sealed.wrapped_key);
    let sealed_blob = bytes(|sealed| &sealed.sealed_blob);
    let destroyed_at = match version.kept {
        Kept::Destroyed(at) => Some(at),
        Kept::Sealed(_) => None,
    };
    let params: &[&(dyn ToSql + Sync)] = &[
        &org.0,
        &row.id.0,
        &version.value_version,
        &stage,
        &version.staged_at,
        &expires_at,
        &expires_source,
        &generation,
        &wrapped_key,
        &sealed_blob,
        &destroyed_at,
        &version.digest,
    ];
    transaction.execute(sql::VERSION_PUT, params).await?;
    Ok(())
}
