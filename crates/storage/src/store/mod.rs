//! The domain's ports on PostgreSQL.

mod actor_names;
pub(crate) mod audit;
pub(crate) mod audit_by_time;
pub(crate) mod audit_prune;
pub(crate) mod audit_roots;
mod console_sessions;
pub(crate) mod credentials;
pub(crate) mod daily_totals;
mod holdings;
pub(crate) mod installation;
pub(crate) mod keys;
pub(crate) mod last_used;
pub(crate) mod lifecycle;
pub(crate) mod listing;
pub(crate) mod oauth;
mod old_rows;
pub(crate) mod operations;
pub(crate) mod organizations;
pub(crate) mod overview;
pub(crate) mod relay;
pub(crate) mod rotation;
pub(crate) mod rotation_rows;
pub(crate) mod scrub;
pub(crate) mod sorted;
pub(crate) mod status;
mod writers;

use std::sync::Arc;
use std::time::Duration;

use strongroom_domain::Clock;
use strongroom_domain::audit::chain::Chain;
use strongroom_domain::audit::event::Event;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::crypto::RandomSource;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::ports::store::{Committed, Tracking};
use strongroom_domain::replication::OperationId;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::batch::lookups::{ApiKeys, Credentials, Lookup, OrgKeys};
use crate::batch::oauth_lookups::{Clients, Tokens};
use crate::batch::policy_lookups::Policies;
use crate::batch::queue::{BatchQueue, QueueConfig};
use crate::batch::reader::Reader;
use crate::batch::worker_thread::WorkerThread;
use crate::connect::database::Database;
use crate::connect::error::ConnectError;
use crate::store::writers::{new_lane, writer};
use crate::transaction::statement::Bound;
use crate::transaction::{OrgTransaction, with_deadline};
use crate::writes::audit_lane::Lane;
use crate::writes::write::{QueueTrace, Write, WriteOp, WriteReply};

/// Most writes in one transaction, and reads in one statement.
const LARGEST_BATCH: usize = 256;
/// Most requests that wait for the next batch; beyond that, requests are refused at once.
const QUEUE_CAPACITY: usize = 4096;

/// Timeout of one organization's requests in the per-organization fallback: short, since other
/// organizations wait for their turn.
pub(crate) const SINGLE_ORG_TIMEOUT: Duration = Duration::from_secs(1);

/// Pause before the retry of a write whose row was locked by another transaction.
const CONTENDED: Duration = Duration::from_millis(20);

/// The vault's store on PostgreSQL.
pub struct PgStore {
    /// The primary: every write goes there.
    pub(crate) database: Database,
    /// The region's standby, where credentials are read; the primary when there is none.
    pub(crate) replica: Option<Database>,
    chain: Chain,
    clock: Arc<dyn Clock>,
    random: Arc<dyn RandomSource>,
    pub(crate) writes: Arc<BatchQueue<Write>>,
    pub(crate) reads: BatchQueue<Lookup<Credentials>>,
    pub(crate) api_keys: BatchQueue<Lookup<ApiKeys>>,
    pub(crate) org_keys: BatchQueue<Lookup<OrgKeys>>,
    pub(crate) clients: BatchQueue<Lookup<Clients>>,
    pub(crate) tokens: BatchQueue<Lookup<Tokens>>,
    pub(crate) policies: BatchQueue<Lookup<Policies>>,
    _thread: WorkerThread,
    /// The connections of the workers, and of the reader of credentials.
    pub(crate) reserved: Database,
    pub(crate) reserved_reads: Database,
    /// Limits queries that may read many rows to half of the pool.
    pub(crate) scans: Semaphore,
}

impl PgStore {
    /// Starts the workers on a thread of their own, with a new audit lane. Credentials are read
    /// from `replica` if there is one.
    ///
    /// # Errors
    /// [`ConnectError::Failed`] when there is no thread, or no id for the lane.
    pub fn start(
        database: Database,
        replica: Option<Database>,
        chain: Chain,
        clock: Arc<dyn Clock>,
        random: Arc<dyn RandomSource>,
    ) -> Result<Self, ConnectError> {
        let failed = |error: String| ConnectError::Failed(error);
        let thread = WorkerThread::start().map_err(|error| failed(error.to_string()))?;
        let runtime = thread.handle();
        let reserved = database.reserved(runtime)?;
        let counters = database.counters();
        let new_lane = new_lane(&counters, chain.clone(), clock.clone(), random.clone());
        let impatient = database.with_timeout(SINGLE_ORG_TIMEOUT);
        let writer = writer(&reserved, &impatient, &new_lane);
        let writer = writer.map_err(|error| failed(error.to_string()))?;
        let reading = match &replica {
            Some(replica) => (
                replica.reserved(runtime)?,
                replica.with_timeout(SINGLE_ORG_TIMEOUT),
            ),
            None => (reserved.clone(), impatient.clone()),
        };
        let pools = (reserved.clone(), reading.0.clone());
        let api_keys = Reader::<ApiKeys>::new(reserved.clone(), impatient.clone());
        let clients = Reader::<Clients>::new(reserved.clone(), impatient.clone());
        let tokens = Reader::<Tokens>::new(reserved.clone(), impatient.clone());
        let org_keys = Reader::<OrgKeys>::new(reserved, impatient);
        let policies = Reader::<Policies>::new(reading.0.clone(), reading.1.clone());
        let named = |name| QueueConfig {
            name,
            capacity: QUEUE_CAPACITY,
            largest: LARGEST_BATCH,
            counters: counters.clone(),
        };
        let writes = Arc::new(BatchQueue::start(runtime, writer, named("writes")));
        let reads = Reader::<Credentials>::new(reading.0, reading.1).in_front_of(writes.clone());
        Ok(Self {
            writes,
            reads: BatchQueue::start(runtime, reads, named("credentials")),
            api_keys: BatchQueue::start(runtime, api_keys, named("api_keys")),
            org_keys: BatchQueue::start(runtime, org_keys, named("organization_keys")),
            clients: BatchQueue::start(runtime, clients, named("oauth_clients")),
            tokens: BatchQueue::start(runtime, tokens, named("access_tokens")),
            policies: BatchQueue::start(runtime, policies, named("relay_policies")),
            _thread: thread,
            reserved: pools.0,
            reserved_reads: pools.1,
            scans: Semaphore::new(database.pool_size().div_ceil(2)),
            database,
            replica,
            chain,
            clock,
            random,
        })
    }

    pub(crate) async fn write(
        &self,
        scope: OrgScope,
        op: WriteOp,
        event: Event,
    ) -> StoreResult<()> {
        let written = self.write_with(scope, op, None, (event, Vec::new()));
        written.await.map(drop)
    }

    /// Makes a write that regions may be watched for, and that further events record, too.
    pub(crate) async fn write_with(
        &self,
        scope: OrgScope,
        op: WriteOp,
        operation: Option<OperationId>,
        (event, further): (Event, Vec<(OrgScope, Event)>),
    ) -> StoreResult<Committed> {
        let tracking = Tracking {
            operation,
            idempotency: None,
        };
        self.enqueue(scope, (op, tracking, event, further)).await
    }

    pub(crate) async fn write_tracked(
        &self,
        scope: OrgScope,
        op: WriteOp,
        tracking: Tracking,
        event: Event,
    ) -> StoreResult<Committed> {
        self.enqueue(scope, (op, tracking, event, Vec::new())).await
    }

    async fn enqueue(
        &self,
        scope: OrgScope,
        write: (WriteOp, Tracking, Event, Vec<(OrgScope, Event)>),
    ) -> StoreResult<Committed> {
        self.retry_contended(|| {
            let (op, tracking, event, further) = write.clone();
            self.writes.ask(|reply| Write {
                scope,
                op,
                tracking,
                event,
                further,
                reply: WriteReply::Committed(reply),
                trace: QueueTrace::current(),
            })
        })
        .await
    }

    /// Retries `work` while another transaction holds its rows, until the statement timeout.
    pub(crate) async fn retry_contended<T, W: Future<Output = StoreResult<T>>>(
        &self,
        work: impl Fn() -> W,
    ) -> StoreResult<T> {
        let until = Instant::now() + self.database.statement_timeout;
        loop {
            match work().await {
                Err(StoreError::Contended(_)) if Instant::now() < until => {
                    tokio::time::sleep(CONTENDED).await;
                }
                other => return other,
            }
        }
    }

    /// A lane for one transaction outside the batches.
    pub(crate) fn own_lane(&self) -> StoreResult<Lane> {
        let counters = self.database.counters();
        let (chain, clock) = (self.chain.clone(), self.clock.clone());
        new_lane(&counters, chain, clock, self.random.clone())()
    }

    /// Runs one writing statement in a transaction of its own, without an audit event.
    pub(crate) async fn execute(
        &self,
        scope: OrgScope,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> StoreResult<u64> {
        let (rows, transaction) = with_deadline(&self.database, async {
            let transaction = OrgTransaction::begin(&self.database, &[scope]).await?;
            let rows = transaction.execute(sql, params).await?;
            Ok((rows, transaction))
        })
        .await?;
        transaction.commit().await?;
        Ok(rows)
    }

    pub(crate) async fn query(
        &self,
        scope: OrgScope,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> StoreResult<Vec<Row>> {
        query_on(&self.database, scope, sql, params).await
    }

    /// The database that credentials are read from.
    pub(crate) fn reading(&self) -> &Database {
        self.replica.as_ref().unwrap_or(&self.database)
    }
}

pub(crate) async fn query_on(
    database: &Database,
    scope: OrgScope,
    sql: &str,
    params: &[&(dyn ToSql + Sync)],
) -> StoreResult<Vec<Row>> {
    let params = params.to_vec();
    let statement = [Bound { sql, params }];
    let scopes = [scope];
    let read = OrgTransaction::read(database, &scopes, &statement);
    let rows = with_deadline(database, read).await?;
    Ok(rows.into_iter().flatten().collect())
}
