//! A database with its connection pools and dedicated connections.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, QueueMode, RecyclingMethod, Runtime,
    Timeouts,
};
use strongroom_domain::health::counters::Counters;
use strongroom_domain::health::status::PoolStatus;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::connect::connector::Connector;
use crate::connect::error::{ConnectError, condition_of_pool, connection_condition};
use crate::connect::health::DatabaseHealth;
use crate::connect::settings::DatabaseSettings;
use crate::connect::url::DatabaseUrl;

/// A pool of connections to PostgreSQL. It connects on first use.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
    connect_timeout: Duration,
    connector: Connector,
    pub(crate) statement_timeout: Duration,
    pub(crate) health: DatabaseHealth,
}

/// Connections of the four workers: the writer, and the readers of credentials, API keys and
/// organization keys.
const WORKER_CONNECTIONS: usize = 4;

fn pool(
    connector: &Connector,
    size: usize,
    connect_timeout: Duration,
) -> Result<Pool, ConnectError> {
    let manager = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let target = connector.target();
    let manager = Manager::from_connect(target.config().clone(), connector.clone(), manager);
    let timeout = Some(connect_timeout);
    let current = connector.clone();
    Pool::builder(manager)
        .max_size(size)
        // The most recently used session has the warmest caches.
        .queue_mode(QueueMode::Lifo)
        .timeouts(Timeouts {
            wait: timeout,
            // Every host gets the full time, so that an unreachable host does not prevent a
            // connection to the next one.
            create: Some(connect_timeout * target.hosts()),
            recycle: timeout,
        })
        .runtime(Runtime::Tokio1)
        .pre_recycle(Hook::sync_fn(move |_, metrics| {
            match metrics.created < current.target().since {
                true => Err(HookError::message("the database's URL has changed")),
                false => Ok(()),
            }
        }))
        .build()
        .map_err(|error| ConnectError::Failed(error.to_string()))
}

impl Database {
    /// Prepares a pool on the current runtime; does not connect.
    ///
    /// # Errors
    /// [`ConnectError::Tls`] if the root certificates cannot be read.
    pub fn new(settings: &DatabaseSettings) -> Result<Self, ConnectError> {
        Self::with_health(settings, DatabaseHealth::default())
    }

    /// Like [`Self::new`], for a server's primary; results are counted in `counters`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn counted(
        settings: &DatabaseSettings,
        counters: Arc<Counters>,
    ) -> Result<Self, ConnectError> {
        Self::with_health(settings, DatabaseHealth::primary(counters))
    }

    pub(crate) fn with_health(
        settings: &DatabaseSettings,
        health: DatabaseHealth,
    ) -> Result<Self, ConnectError> {
        let connector = Connector::new(settings, health.clone())?;
        let timeout = settings.connect_timeout;
        Ok(Self {
            pool: pool(&connector, settings.pool_size, timeout)?,
            connect_timeout: timeout,
            connector,
            statement_timeout: settings.statement_timeout,
            health,
        })
    }

    /// The same database with a separate small pool, whose connections run on `runtime`. The
    /// workers use it, so that they get a connection also while the main pool is exhausted.
    ///
    /// # Errors
    /// [`ConnectError::Failed`].
    pub(crate) fn reserved(&self, runtime: &Handle) -> Result<Self, ConnectError> {
        let connector = self.connector.on(runtime);
        Ok(Self {
            pool: pool(&connector, WORKER_CONNECTIONS, self.connect_timeout)?,
            connector,
            ..self.clone()
        })
    }

    /// The same database with a statement timeout of at most `limit`.
    pub(crate) fn with_timeout(&self, limit: Duration) -> Self {
        Self {
            statement_timeout: self.statement_timeout.min(limit),
            ..self.clone()
        }
    }

    /// Makes further connections by `url`, as those of the pool once they are returned. The other
    /// settings stay.
    ///
    /// # Errors
    /// [`ConnectError::Tls`] if a certificate cannot be read; then nothing is changed.
    pub fn redirect(&self, url: &DatabaseUrl) -> Result<(), ConnectError> {
        self.connector.redirect(&DatabaseSettings {
            url: url.clone(),
            pool_size: self.pool_size(),
            connect_timeout: self.connect_timeout,
            statement_timeout: self.statement_timeout,
        })?;
        self.pool.retain(|_, _| false);
        Ok(())
    }

    /// Longest time to connect, including all hosts.
    pub(crate) fn connect_limit(&self) -> Duration {
        self.connect_timeout * self.connector.target().hosts()
    }

    /// Whether the tables are sharded. It is false until the first connection.
    pub(crate) fn is_sharded(&self) -> bool {
        self.connector.is_sharded()
    }

    /// The counters of this database's results.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        self.health.counters.clone()
    }

    pub(crate) fn pool_status(&self, name: &'static str) -> PoolStatus {
        let status = self.pool.status();
        PoolStatus {
            name,
            limit: status.max_size,
            size: status.size,
            idle: status.available,
            waiting: status.waiting,
        }
    }

    pub(crate) fn pool_size(&self) -> usize {
        self.pool.status().max_size
    }

    pub(crate) async fn client(&self) -> StoreResult<Object> {
        let pooled = self.pooled().await;
        pooled.map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// A pooled connection for commands and startup, with detailed errors.
    pub(crate) async fn setup_client(&self) -> Result<Object, ConnectError> {
        self.pooled().await
    }

    async fn pooled(&self) -> Result<Object, ConnectError> {
        self.pool.get().await.map_err(|error| {
            let condition = condition_of_pool(&error);
            let failure = self.connector.target().failure(error);
            self.health.no_connection(condition, &failure);
            failure
        })
    }

    /// A connection outside the pool whose session has its default settings.
    pub(super) async fn bare(&self) -> Result<(Client, JoinHandle<()>), ConnectError> {
        self.connector.open(|| {}).await.map_err(|error| {
            let condition = connection_condition(&error);
            let failure = self.connector.target().failure(error);
            self.health.no_connection(condition, &failure);
            failure
        })
    }

    /// A connection outside the pool, with a callback for its notifications. Its task ends once the
    /// client is dropped.
    pub(crate) async fn dedicated(
        &self,
        notified: impl FnMut() + Send + 'static,
    ) -> Result<(Client, JoinHandle<()>), ConnectError> {
        let connected = self.connector.connect_notified(notified).await;
        connected.map_err(|error| self.connector.target().failure(error))
    }
}
