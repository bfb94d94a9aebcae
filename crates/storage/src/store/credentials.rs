//! Credentials.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_domain::api_key::reach::CredentialReach;
use strongroom_domain::audit::event::Event;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::credential::{
    CredentialFilter, CredentialPage, Page, Removal, SealedCredential, StoredCredential,
};
use strongroom_domain::credential_order::CredentialOrder;
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::ports::relay::ReadRows;
use strongroom_domain::ports::store::{
    ChangeFn, Committed, CredentialStore, DeleteFn, OpenFn, Opened, Tracking,
};
use strongroom_domain::replication::OperationId;
use strongroom_domain::trace::trace_parent;
use strongroom_domain::{CredentialId, OrgId};
use tokio::sync::oneshot;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::batch::lookups::{Lookup, ReadSink};
use crate::batch::queue::answer;
use crate::batch::reveal::PendingReveal;
use crate::rows::get;
use crate::sql::operations as op_sql;
use crate::store::PgStore;
use crate::store::listing::{Matching, list};
use crate::store::sorted::list_sorted;
use crate::transaction::{OrgTransaction, with_deadline};
use crate::writes::audit_lane::Lane;
use crate::writes::deletions::{remove_rest, versions};
use crate::writes::write::{QueueTrace, WriteOp};
use crate::{credential_rows, sql};

#[async_trait]
impl CredentialStore for PgStore {
    async fn insert_credential(
        &self,
        scope: OrgScope,
        row: SealedCredential,
        tracking: Tracking,
        event: Event,
    ) -> StoreResult<Committed> {
        self.write_tracked(scope, WriteOp::Insert(row), tracking, event)
            .await
    }

    async fn credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
    ) -> StoreResult<Option<Arc<StoredCredential>>> {
        self.reads.ask(|reply| Lookup::of(scope, id, reply)).await
    }

    async fn reveal_credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
        known: Option<Arc<StoredCredential>>,
        open: OpenFn,
        event: Event,
    ) -> StoreResult<Opened> {
        let used = known.as_ref().map(|known| ReadRows {
            id,
            stamp: known.stamp.clone(),
        });
        let pending = |reply| {
            Box::new(PendingReveal {
                scope,
                open: open.clone(),
                known: used.clone(),
                event: event.clone(),
                writes: self.writes.clone(),
                reply,
                span: trace_parent(),
            })
        };
        self.retry_contended(async || match &known {
            // While others are read, it goes on with them: answers at different times would come
            // back in smaller batches. Few opened credentials wait for the writer.
            Some(row) if self.reads.is_idle() && !self.writes.is_crowded() => {
                let (reply, begun) = oneshot::channel();
                pending(reply).deliver(Ok(Some(row.clone())));
                answer(begun).await
            }
            _ => {
                let lookup = |reply| Lookup {
                    scope,
                    id,
                    known: known.clone().map(Some),
                    sink: pending(reply),
                    trace: QueueTrace::current(),
                };
                self.reads.ask(lookup).await
            }
        })
        .await
    }

    async fn credential_of_user(
        &self,
        scope: OrgScope,
        user: &str,
    ) -> StoreResult<Option<SealedCredential>> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &user];
        let rows = self.query(scope, sql::CREDENTIAL_OF_USER, params).await?;
        let row = rows
            .first()
            .map(credential_rows::sealed_credential)
            .transpose()?;
        Ok(row.map(|(_, credential)| credential))
    }

    async fn change_credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
        change: ChangeFn,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed> {
        let write = WriteOp::Change { id, change };
        self.write_tracked(scope, write, tracked(operation), event)
            .await
    }

    async fn delete_credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
        (removal, admit): (Removal, DeleteFn),
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed> {
        let write = WriteOp::Delete { id, removal, admit };
        self.write_tracked(scope, write, tracked(operation), event)
            .await
    }

    async fn restore_credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
        change: ChangeFn,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed> {
        let write = WriteOp::Restore { id, change };
        self.write_tracked(scope, write, tracked(operation), event)
            .await
    }

    async fn delete_all_credentials(
        &self,
        scope: OrgScope,
        removed: (Removal, Option<CredentialReach>),
        operation: Option<OperationId>,
        event: Event,
        each: Event,
    ) -> StoreResult<Committed> {
        let mut lane = self.own_lane()?;
        let work = async {
            let transaction = self
                .delete_all(&mut lane, scope, removed, (event, each))
                .await?;
            if let Some(operation) = operation {
                let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &operation.0];
                transaction
                    .insert(&op_sql::OPERATIONS_INSERT, params)
                    .await?;
            }
            Ok(transaction)
        };
        let transaction = with_deadline(&self.database, work).await?;
        let position = match operation {
            Some(_) => transaction.commit_at().await?,
            None => transaction.commit().await.map(|()| None)?,
        };
        Ok(Committed {
            position,
            ..Committed::default()
        })
    }

    async fn list_credentials(
        &self,
        scope: OrgScope,
        page: Page,
        filter: CredentialFilter,
    ) -> StoreResult<CredentialPage> {
        with_deadline(self.reading(), async {
            let _turn = self.scans.acquire().await;
            let is_plain =
                page.order == CredentialOrder::Created && filter.label_contains.is_none();
            match is_plain {
                true => list(self.reading(), scope, &page, &filter, &self.chain).await,
                false => list_sorted(self.reading(), scope, &page, &filter, &self.chain).await,
            }
        })
        .await
    }
}

impl PgStore {
    // Runs in a transaction and a lane of its own, so that a large organization does not delay the
    // writes of others.
    async fn delete_all(
        &self,
        lane: &mut Lane,
        scope: OrgScope,
        (removal, reach): (Removal, Option<CredentialReach>),
        (event, each): (Event, Event),
    ) -> StoreResult<OrgTransaction> {
        let filter = CredentialFilter {
            reach,
            ..CredentialFilter::default()
        };
        let (org, at) = (scope.org(), each.at);
        let transaction = OrgTransaction::begin(&self.database, &[scope]).await?;
        let appended = lane.append(&transaction, vec![(scope, event)]).await?;
        lane.committed(appended);
        transaction.execute(sql::IN_ORDER, &[]).await?;
        let mut after = Uuid::nil();
        loop {
            let rows = delete_some(&transaction, org, &filter, (removal, at), after).await?;
            let ids: Vec<Uuid> = rows
                .iter()
                .map(|row| get(row, "cred_id"))
                .collect::<StoreResult<_>>()?;
            let Some(last) = ids.iter().max() else {
                return Ok(transaction);
            };
            after = *last;
            if !matches!(removal, Removal::Until(_)) {
                remove_rest(&transaction, org, &ids).await?;
            }
            let events = rows.iter().map(|row| {
                let event = each.clone().about(CredentialId(get(row, "cred_id")?));
                let (version, value_version) = versions(row)?;
                Ok((scope, event.of_version(version, value_version)))
            });
            let events = events.collect::<StoreResult<_>>()?;
            let appended = lane.append(&transaction, events).await?;
            lane.committed(appended);
        }
    }
}

/// Deletes credentials after an id, and returns their ids and versions.
async fn delete_some(
    transaction: &OrgTransaction,
    org: OrgId,
    filter: &CredentialFilter,
    (removal, at): (Removal, DateTime<Utc>),
    after: Uuid,
) -> StoreResult<Vec<Row>> {
    let matching = Matching::of(filter);
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![&org.0];
    params.extend(matching.params());
    params.push(&after);
    let sql = match &removal {
        Removal::AtOnce => sql::DELETE_SOME,
        Removal::Purge => sql::PURGE_SOME,
        Removal::Until(until) => {
            params.extend([&at as &(dyn ToSql + Sync), until]);
            sql::RETAIN_SOME
        }
    };
    transaction.query(sql, &params).await
}

fn tracked(operation: Option<OperationId>) -> Tracking {
    Tracking {
        operation,
        idempotency: None,
    }
}
