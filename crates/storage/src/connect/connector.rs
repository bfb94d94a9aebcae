//! Makes connections to the database that the settings name at the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use deadpool_postgres::Connect;
use parking_lot::RwLock;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::connect::error::ConnectError;
use crate::connect::health::DatabaseHealth;
use crate::connect::settings::DatabaseSettings;
use crate::connect::url::DatabaseUrl;
use crate::connect::{session, tls};

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

/// Where connections lead to.
pub(super) struct Target {
    config: Config,
    /// The statement that makes a session's settings.
    session: String,
    tls: MakeRustlsConnect,
    url: DatabaseUrl,
    /// Connections that were made earlier lead elsewhere.
    pub(super) since: Instant,
}

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    target: Arc<RwLock<Arc<Target>>>,
    // Connections outlive the thread that requests them, so they run on this runtime.
    runtime: Handle,
    sharded: Arc<AtomicBool>,
    health: DatabaseHealth,
}

impl Target {
    fn new(settings: &DatabaseSettings) -> Result<Arc<Self>, ConnectError> {
        Ok(Arc::new(Self {
            config: config(settings),
            session: session::settings(
                settings.statement_timeout,
                settings.url.config.get_options().unwrap_or_default(),
            ),
            tls: tls::connector(&settings.url)?,
            url: settings.url.clone(),
            since: Instant::now(),
        }))
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// The hosts that are tried one after another.
    pub(super) fn hosts(&self) -> u32 {
        u32::try_from(self.config.get_hosts().len()).unwrap_or(1)
    }

    /// `error`, which says that no connection was made, with the hosts and ports.
    pub(super) fn failure(&self, error: impl Into<ConnectError>) -> ConnectError {
        error.into().at(&self.url)
    }
}

impl Connector {
    /// For connections that run on the current runtime.
    pub(super) fn new(
        settings: &DatabaseSettings,
        health: DatabaseHealth,
    ) -> Result<Self, ConnectError> {
        Ok(Self {
            target: Arc::new(RwLock::new(Target::new(settings)?)),
            runtime: Handle::current(),
            sharded: Arc::default(),
            health,
        })
    }

    /// The same connections, which run on `runtime`.
    pub(super) fn on(&self, runtime: &Handle) -> Self {
        Self {
            runtime: runtime.clone(),
            ..self.clone()
        }
    }

    /// Whether the newest connection is to a sharded cluster.
    pub(super) fn is_sharded(&self) -> bool {
        self.sharded.load(Ordering::Relaxed)
    }

    pub(super) fn target(&self) -> Arc<Target> {
        self.target.read().clone()
    }

    /// Makes further connections with `settings`.
    pub(super) fn redirect(&self, settings: &DatabaseSettings) -> Result<(), ConnectError> {
        *self.target.write() = Target::new(settings)?;
        Ok(())
    }

    /// A connection whose session has its settings.
    pub(super) async fn connect_notified(
        &self,
        notified: impl FnMut() + Send + 'static,
    ) -> Result<Connection, tokio_postgres::Error> {
        let session = self.target().session.clone();
        let (client, task) = self.open(notified).await?;
        client.batch_execute(&session).await?;
        Ok((client, task))
    }

    /// A connection whose session has the default settings.
    pub(super) async fn open(
        &self,
        mut notified: impl FnMut() + Send + 'static,
    ) -> Result<Connection, tokio_postgres::Error> {
        let target = self.target();
        let connected = target.config.connect(target.tls.clone()).await;
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
