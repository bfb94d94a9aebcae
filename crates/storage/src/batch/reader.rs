//! The workers that look rows up.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use strongroom_domain::OrgId;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::batch::fair_queue::BatchItem;
use crate::batch::lookups::{Lookup, LookupKind};
use crate::batch::queue::{BatchQueue, Worker};
use crate::batch::shard_fallback::{ShardFallback, SingleOrgExecutor};
use crate::connect::database::Database;
use crate::rows::get;
use crate::transaction::statement::Bound;
use crate::transaction::{OrgTransaction, with_deadline};
use crate::writes::write::Write;

/// Looks up all requested rows with one statement.
pub(crate) struct Reader<L: LookupKind> {
    database: Database,
    /// Takes over batches that touch an unreachable shard.
    fallback: Option<ShardFallback<Lookup<L>>>,
    /// The queue that the answers join, if there is one: after a batch that was read, the next one
    /// is looked up when that queue's worker has taken it. So both work at the same time, on
    /// batches of the same size.
    next: Option<Arc<BatchQueue<Write>>>,
}

/// Executes the lookups of one organization alone.
struct SingleOrgReader<L> {
    database: Database,
    lookup: PhantomData<fn() -> L>,
}

#[async_trait]
impl<L: LookupKind> SingleOrgExecutor for SingleOrgReader<L> {
    type Item = Lookup<L>;

    async fn execute(&self, members: Vec<Lookup<L>>) -> bool {
        let reader = Reader {
            database: self.database.clone(),
            fallback: None,
            next: None,
        };
        reader.carry_out(members).await
    }
}

/// The rows found. A malformed row fails the request for it, and no other.
type Found<L> =
    HashMap<(OrgId, <L as LookupKind>::Id), Result<<L as LookupKind>::Found, &'static str>>;

/// Sorts the rows of a statement by organization and id.
fn found<'a, L: LookupKind>(rows: impl Iterator<Item = &'a Row>) -> StoreResult<Found<L>> {
    let mut found: Found<L> = HashMap::new();
    for row in rows {
        let org = OrgId(get(row, "org_id")?);
        let entry = found
            .entry((org, L::id(row)?))
            .or_insert(Ok(L::Found::default()));
        let Ok(so_far) = entry else { continue };
        match L::add(so_far, org, row) {
            Ok(()) => {}
            Err(StoreError::Malformed(what)) => *entry = Err(what),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The rows found for one request.
fn one_of<L: LookupKind>(found: &Found<L>, org: OrgId, id: L::Id) -> StoreResult<L::Found> {
    match found.get(&(org, id)) {
        None => Ok(L::Found::default()),
        Some(Ok(found)) => Ok(found.clone()),
        Some(Err(what)) => Err(StoreError::Malformed(what)),
    }
}

impl<L: LookupKind> Reader<L> {
    /// Reads from `database`; the fallback reads from `impatient`, the same database with shorter
    /// timeouts.
    pub(crate) fn new(database: Database, impatient: Database) -> Self {
        let lone = SingleOrgReader {
            database: impatient,
            lookup: PhantomData,
        };
        Self {
            database,
            fallback: Some(ShardFallback::start(lone)),
            next: None,
        }
    }

    /// The same reader in front of the queue `next`.
    pub(crate) fn in_front_of(self, next: Arc<BatchQueue<Write>>) -> Self {
        let next = Some(next);
        Self { next, ..self }
    }

    async fn read(&self, members: &[Lookup<L>]) -> StoreResult<Found<L>> {
        let scopes: Vec<OrgScope> = members.iter().map(|wanted| wanted.scope).collect();
        let (orgs, ids): (Vec<Uuid>, Vec<Uuid>) = members
            .iter()
            .map(|wanted| (wanted.scope.org().0, L::param(wanted.id)))
            .unzip();
        let params: Vec<&(dyn ToSql + Sync)> = vec![&orgs, &ids];
        let sql = match self.database.is_sharded() {
            true => L::SHARDED,
            false => L::SQL,
        };
        let statement = Bound { sql, params };
        let rows = OrgTransaction::read(&self.database, &scopes, &[statement]).await?;
        found::<L>(rows.iter().flatten())
    }
}

#[async_trait]
impl<L: LookupKind> Worker for Reader<L> {
    type Item = Lookup<L>;

    async fn run(&mut self, members: Vec<Lookup<L>>) {
        let (known, unknown): (Vec<_>, Vec<_>) = members
            .into_iter()
            .partition(|wanted| wanted.known.is_some());
        let reads = !unknown.is_empty();
        self.carry_out(unknown).await;
        // They go on with those that were read, whatever became of these.
        known.into_iter().for_each(Lookup::deliver_known);
        if let Some(next) = &self.next
            && (reads || next.is_crowded())
        {
            next.next_taken().await;
        }
    }
}

impl<L: LookupKind> Reader<L> {
    /// Looks up and answers all of `members`. Returns whether all shards were reachable.
    async fn carry_out(&self, mut members: Vec<Lookup<L>>) -> bool {
        members.retain(|wanted| !wanted.sink.is_gone());
        if let Some(fallback) = &self.fallback {
            members = fallback.sift(members);
        }
        if members.is_empty() {
            return true;
        }
        match with_deadline(&self.database, self.read(&members)).await {
            Ok(found) => {
                for wanted in members {
                    let answer = one_of::<L>(&found, wanted.scope.org(), wanted.id);
                    wanted.sink.deliver(answer);
                }
            }
            Err(StoreError::PartUnavailable(why)) => {
                match &self.fallback {
                    Some(fallback) => fallback.take(members, &why),
                    None => refuse_all(members, &why),
                }
                return false;
            }
            Err(error) => refuse_all(members, &error.to_string()),
        }
        true
    }
}

fn refuse_all<L: LookupKind>(members: Vec<Lookup<L>>, why: &str) {
    for wanted in members {
        wanted.refuse(StoreError::Unavailable(why.to_owned()));
    }
}
