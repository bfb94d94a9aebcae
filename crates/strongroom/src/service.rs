//! The running service: listens at once, and opens the vault as soon as the database allows.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use strongroom_domain::counters::Counters;
use strongroom_domain::keyring::UnlockError;
use strongroom_domain::{Vault, VaultSettings};
use strongroom_storage::{
    ConnectError, Database, PartitionKeeper, RegionsSettings, RevocationListener, WatchedRegions,
    check_serving_role, pending_migrations,
};
use strongroom_web::ServerHandle;
use strongroom_web::server;
use strongroom_web::state::AppState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use crate::background::{
    BackgroundSettings, KeyConfirmer, OperationKeeper, Scrubber, UseFlusher, flush_last,
};
use crate::config::{RootKeyConfig, ServeSettings, VaultAccess};
use crate::error::CommandError;
use crate::file_limit::connections_that_fit;
use crate::keepers::{JobKeeper, RootKeyKeeper};
use crate::tls::TlsKeeper;
use crate::vault_access::{missing_migrations, open_on};

/// Pause between two tries to reach the database.
const RETRY: Duration = Duration::from_millis(500);
/// How often the same cause of waiting is logged again, in tries.
const REMIND_EVERY: u32 = 60;

/// A service that listens.
pub(crate) struct Service {
    #[cfg(feature = "dev")]
    address: SocketAddr,
    handle: ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
    opening: JoinHandle<Result<Background, CommandError>>,
    state: AppState,
    _tls: Option<TlsKeeper>,
    metrics: Option<MetricsServer>,
    drain_delay: Duration,
}

/// The metrics' own listener.
struct MetricsServer {
    handle: ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
}

/// What lives as long as the vault is open.
struct Background {
    _revocations: RevocationListener,
    _keys: KeyConfirmer,
    _partitions: PartitionKeeper,
    root_keys: RootKeyKeeper,
    _jobs: JobKeeper,
    uses: UseFlusher,
    _operations: OperationKeeper,
    _scrubber: Option<Scrubber>,
}

impl Service {
    /// Binds, listens, and begins to open the vault.
    pub(crate) fn start(
        settings: ServeSettings,
        counters: Arc<Counters>,
    ) -> Result<Self, CommandError> {
        let (listener, address) = bind(settings.listen)?;
        let state = AppState::new(
            strongroom_api::surface(),
            settings.api,
            settings.limits,
            counters.clone(),
        );
        let metrics = settings.metrics_listen;
        let metrics = metrics.map(|listen| MetricsServer::start(listen, &state));
        let metrics = metrics.transpose()?;
        let tls = settings
            .tls
            .map(|files| TlsKeeper::start(files, state.clone()));
        let tls = tls
            .transpose()
            .map_err(|error| CommandError::Failed(format!("TLS: {error}")))?;
        let mut http = settings.http;
        http.tls = tls.as_ref().map(TlsKeeper::config);
        let pool = settings.access.database.pool_size;
        http.max_connections = connections_that_fit(http.max_connections, pool);
        let server = server::run(listener, state.clone(), &http)
            .map_err(|error| CommandError::io("cannot serve", &error))?;
        let handle = server.handle();
        let tls_on = tls.is_some();
        tracing::info!(%address, tls = tls_on, version = env!("CARGO_PKG_VERSION"), "listening");
        Ok(Self {
            #[cfg(feature = "dev")]
            address,
            handle,
            server: tokio::spawn(server),
            opening: tokio::spawn(open_vault(
                settings.access,
                settings.regions,
                settings.vault,
                settings.background,
                state.clone(),
                counters,
                address,
            )),
            state,
            _tls: tls,
            metrics,
            drain_delay: settings.drain_delay,
        })
    }

    /// Where it listens.
    #[cfg(feature = "dev")]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the vault is open.
    #[cfg(feature = "dev")]
    pub(crate) async fn ready(&mut self) -> Result<(), CommandError> {
        let opened = (&mut self.opening).await;
        let background = opened.map_err(|error| CommandError::Failed(error.to_string()))??;
        // A handle is awaited once; whoever waits for it next shall find the same.
        self.opening = tokio::spawn(std::future::ready(Ok(background)));
        Ok(())
    }

    /// Runs until `stop` completes, then finishes the requests under way; ends early with the error when the
    /// vault cannot be opened.
    pub(crate) async fn run_until(
        mut self,
        stop: impl Future<Output = ()>,
    ) -> Result<(), CommandError> {
        let mut background = None;
        let failed = tokio::select! {
            () = stop => None,
            failed = Self::failure(&mut self.opening, &mut background) => Some(failed),
        };
        self.drain(failed.is_some()).await;
        tracing::info!("stopping: requests under way are finished");
        self.handle.stop(failed.is_none()).await;
        let ended = self.server.await;
        if let Some(metrics) = self.metrics {
            metrics.handle.stop(false).await;
            let _ = metrics.server.await;
        }
        if let Some(background) = background {
            background.root_keys.stop().await;
            background.uses.stop().await;
        }
        self.opening.abort();
        if let Some(vault) = self.state.opened() {
            flush_last(&vault).await;
        }
        if let Some(error) = failed {
            return Err(error);
        }
        match ended {
            Ok(Ok(())) => {
                tracing::info!("stopped");
                Ok(())
            }
            Ok(Err(error)) => Err(CommandError::io("the server failed", &error)),
            Err(error) => Err(CommandError::Failed(format!("the server failed: {error}"))),
        }
    }

    // Whoever balances load has to hear of the end before it comes.
    async fn drain(&self, failed: bool) {
        self.state.drain();
        if failed || self.drain_delay.is_zero() {
            return;
        }
        let delay = self.drain_delay;
        tracing::info!(?delay, "draining: not ready any more, but still serving");
        tokio::time::sleep(delay).await;
    }

    // Completes only when the vault can never be opened.
    async fn failure(
        opening: &mut JoinHandle<Result<Background, CommandError>>,
        opened: &mut Option<Background>,
    ) -> CommandError {
        match opening.await {
            Ok(Ok(background)) => {
                *opened = Some(background);
                std::future::pending().await
            }
            Ok(Err(error)) => error,
            Err(error) => CommandError::Failed(error.to_string()),
        }
    }
}

fn bind(listen: SocketAddr) -> Result<(TcpListener, SocketAddr), CommandError> {
    let listener = TcpListener::bind(listen)
        .map_err(|error| CommandError::io(&format!("cannot listen on {listen}"), &error))?;
    let address = listener
        .local_addr()
        .map_err(|error| CommandError::io("cannot read the listener's address", &error))?;
    Ok((listener, address))
}

impl MetricsServer {
    fn start(listen: SocketAddr, state: &AppState) -> Result<Self, CommandError> {
        let (listener, address) = bind(listen)?;
        let server = server::run_metrics(listener, state.clone())
            .map_err(|error| CommandError::io("cannot serve the metrics", &error))?;
        tracing::info!(%address, "serving the metrics");
        Ok(Self {
            handle: server.handle(),
            server: tokio::spawn(server),
        })
    }
}

/// Resolves at SIGINT or SIGTERM. A second one ends the process at once.
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()>, CommandError> {
    let listen =
        |kind| signal(kind).map_err(|error| CommandError::io("cannot listen for signals", &error));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    Ok(async move {
        either(&mut interrupt, &mut terminate).await;
        tokio::spawn(async move {
            either(&mut interrupt, &mut terminate).await;
            tracing::warn!("second signal: ending at once");
            std::process::exit(130);
        });
    })
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

enum Obstacle {
    /// It may go away by itself, or while somebody works on it.
    Passing(String),
    /// Nothing but another configuration helps.
    Fatal(CommandError),
}

async fn open_vault(
    access: VaultAccess,
    regions: RegionsSettings,
    settings: VaultSettings,
    background: BackgroundSettings,
    state: AppState,
    counters: Arc<Counters>,
    address: SocketAddr,
) -> Result<Background, CommandError> {
    if access.database.url.is_exposed() {
        tracing::warn!(
            database = access.database.url.shown(),
            "the database connection can be read or impersonated on the network; use sslmode=verify-full"
        );
    }
    let database = Database::counted(&access.database, counters)?;
    let regions = Arc::new(WatchedRegions::start(regions, &database, &access.database)?);
    let mut last = String::new();
    let mut tries = 0;
    loop {
        match try_open(&database, &regions, &access, settings).await {
            Ok(vault) => {
                let root_keys = access.root_keys;
                return Ok(opened(
                    database, vault, root_keys, background, &state, address,
                ));
            }
            Err(Obstacle::Fatal(error)) => return Err(error),
            Err(Obstacle::Passing(why)) => {
                if why != last || tries % REMIND_EVERY == 0 {
                    tracing::warn!(cause = why, "not ready; trying again");
                }
                last = why;
                tries += 1;
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

fn opened(
    database: Database,
    vault: Vault,
    root_keys: RootKeyConfig,
    settings: BackgroundSettings,
    state: &AppState,
    address: SocketAddr,
) -> Background {
    let vault = Arc::new(vault);
    let forgetful = vault.clone();
    let background = Background {
        _revocations: RevocationListener::start(
            database.clone(),
            Arc::new(move || forgetful.forget_keys()),
        ),
        _keys: KeyConfirmer::start(vault.clone()),
        _partitions: PartitionKeeper::start(database.clone()),
        root_keys: RootKeyKeeper::start(vault.clone(), root_keys, address),
        _jobs: JobKeeper::start(vault.clone()),
        uses: UseFlusher::start(vault.clone(), settings.use_flush_interval),
        _operations: OperationKeeper::start(vault.clone()),
        _scrubber: settings
            .verify_interval
            .map(|interval| Scrubber::start(vault.clone(), database, interval)),
    };
    state.open(vault);
    tracing::info!("ready");
    background
}

async fn try_open(
    database: &Database,
    regions: &Arc<WatchedRegions>,
    access: &VaultAccess,
    settings: VaultSettings,
) -> Result<Vault, Obstacle> {
    let pending = pending_migrations(database).await.map_err(obstacle)?;
    check_serving_role(database).await.map_err(obstacle)?;
    if pending > 0 {
        return Err(Obstacle::Passing(missing_migrations(pending)));
    }
    let (database, regions) = (database.clone(), regions.clone());
    match open_on(database, regions, &access.root_keys, settings).await {
        Ok(vault) => Ok(vault),
        Err(CommandError::Unlock(UnlockError::Store(error))) => {
            Err(Obstacle::Passing(error.to_string()))
        }
        Err(error) => Err(Obstacle::Fatal(error)),
    }
}

// A refused connection is no reason to give up: the role or the database may be in the making.
fn obstacle(error: ConnectError) -> Obstacle {
    match error {
        ConnectError::Role(_) | ConnectError::Tls(_) => Obstacle::Fatal(error.into()),
        ConnectError::Unreachable(_)
        | ConnectError::Refused(_)
        | ConnectError::Schema(_)
        | ConnectError::Failed(_) => Obstacle::Passing(error.to_string()),
    }
}
