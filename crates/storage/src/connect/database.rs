//! A database with its connection pools and dedicated connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::{
    Connect, Manager, ManagerConfig, Object, Pool, PoolError, QueueMode, RecyclingMethod, Runtime,
    Timeouts,
};
use strongroom_domain::health::counters::Counters;
use strongroom_domain::health::status::PoolStatus;
use strongroom_domain::ports::error::StoreResult;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::connect::error::{ConnectError, pool_error};
use crate::connect::health::DatabaseHealth;
use crate::connect::session;
use crate::connect::tls;
use crate::connect::url::DatabaseUrl;

/// Settings of the connections to PostgreSQL.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// The URL of the database.
    pub url: DatabaseUrl,
    /// Most open connections.
    pub pool_size: usize,
    /// Longest time to establish a connection, and longest wait for a free one.
    pub connect_timeout: Duration,
    /// Longest time for the statements of one transaction.
    pub statement_timeout: Duration,
}

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
    let manager = Manager::from_connect(connector.config.clone(), connector.clone(), manager);
    let timeout = Some(connect_timeout);
    let hosts = u32::try_from(connector.config.get_hosts().len()).unwrap_or(1);
    Pool::builder(manager)
        .max_size(size)
        // The most recently used session has the warmest caches.
        .queue_mode(QueueMode::Lifo)
        .timeouts(Timeouts {
            wait: timeout,
            // Every host gets the full time, so that an unreachable host does not prevent a
            // connection to the next one.
            create: Some(connect_timeout * hosts),
            recycle: timeout,
        })
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| ConnectError::Failed(error.to_string()))
}

#[derive(Clone)]
struct Connector {
    config: Config,
    /// The statement that makes a session's settings.
    settings: String,
    tls: MakeRustlsConnect,
    // Connections outlive the thread that requests them, so they run on this runtime.
    runtime: Handle,
    /// Whether the newest connection is to a sharded cluster.
    sharded: Arc<AtomicBool>,
    health: DatabaseHealth,
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
        let connector = Connector {
            settings: session::settings(
                settings.statement_timeout,
                settings.url.config.get_options().unwrap_or_default(),
            ),
            config: config(settings),
            tls: tls::connector(&settings.url)?,
            runtime: Handle::current(),
            sharded: Arc::default(),
            health: health.clone(),
        };
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
        let connector = Connector {
            runtime: runtime.clone(),
            ..self.connector.clone()
        };
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

    /// Longest time to connect, including all hosts.
    pub(crate) fn connect_limit(&self) -> Duration {
        let hosts = self.connector.config.get_hosts().len();
        self.connect_timeout * u32::try_from(hosts).unwrap_or(1)
    }

    /// Whether the tables are sharded. It is false until the first connection.
    pub(crate) fn is_sharded(&self) -> bool {
        self.connector.sharded.load(Ordering::Relaxed)
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
        self.pooled().await.map_err(|error| pool_error(&error))
    }

    /// A pooled connection for commands and startup, with detailed errors.
    pub(crate) async fn setup_client(&self) -> Result<Object, ConnectError> {
        Ok(self.pooled().await?)
    }

    async fn pooled(&self) -> Result<Object, PoolError> {
        let pooled = self.pool.get().await;
        pooled.inspect_err(|error| self.health.no_connection(error))
    }

    /// A connection outside the pool whose session has its default settings.
    pub(super) async fn bare(&self) -> Result<Connection, ConnectError> {
        Ok(self.connector.open(|| {}).await?)
    }

    /// A connection outside the pool, with a callback for its notifications. Its task ends once the
    /// client is dropped.
    pub(crate) async fn dedicated(
        &self,
        notified: impl FnMut() + Send + 'static,
    ) -> Result<(Client, JoinHandle<()>), ConnectError> {
        Ok(self.connector.connect_notified(notified).await?)
    }
}

fn config(settings: &DatabaseSettings) -> Config {
    let mut config = settings.url.config.clone();
    if config.get_application_name().is_none() {
        config.application_name("strongroom");
    }
    config.connect_timeout(settings.connect_timeout);
    config.keepalives_idle(Duration::from_secs(15));
    config.tcp_user_timeout(Duration::from_secs(15));
    config
}

type Connection = (Client, JoinHandle<()>);

impl Connector {
    async fn connect_notified(
        &self,
        notified: impl FnMut() + Send + 'static,
    ) -> Result<Connection, tokio_postgres::Error> {
        let (client, task) = self.open(notified).await?;
        client.batch_execute(&self.settings).await?;
        Ok((client, task))
    }

    async fn open(
        &self,
        mut notified: impl FnMut() + Send + 'static,
    ) -> Result<Connection, tokio_postgres::Error> {
        let connected = self.config.connect(self.tls.clone()).await;
        self.health.connected(connected.is_ok());
        let (client, mut connection) = connected?;
        let task = self.runtime.spawn(async move {
            loop {
                let message = std::future::poll_fn(|cx| connection.poll_message(cx)).await;
                match message {
                    Some(Ok(AsyncMessage::Notification(_))) => notified(),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => {
                        tracing::debug!(%error, "database connection closed");
                        return;
                    }
                    None => return,
                }
            }
        });
        Ok((client, task))
    }
}

impl Connect for Connector {
    fn connect(
        &self,
        _: &Config,
    ) -> std::pin::Pin<
        Box<dyn Future<Output = Result<Connection, tokio_postgres::Error>> + Send + '_>,
    > {
        let connector = self.clone();
        let connecting = self.runtime.spawn(async move {
            let (client, task) = connector.connect_notified(|| {}).await?;
            let sharded = client.query(session::PLAN_ONCE, &[]).await?.is_empty();
            connector.sharded.store(sharded, Ordering::Relaxed);
            Ok((client, task))
        });
        Box::pin(async move {
            match connecting.await {
                Ok(connected) => connected,
                // The runtime is shutting down; the pool's timeout ends the wait.
                Err(_) => std::future::pending().await,
            }
        })
    }
}
