//! The running service: listens at once, and opens the vault when the database allows it.

mod further_server;
mod listener;
mod opening;
pub(crate) mod stop_signal;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use strongroom_domain::health::counters::Counters;
use strongroom_domain::ports::egress::Egress;
use strongroom_egress::OwnEndpoint;
use strongroom_storage::DatabaseUrl;
use strongroom_web::ServerHandle;
use strongroom_web::state::AppState;
use strongroom_web::surface::Surfaces;
use tokio::task::{JoinError, JoinHandle};

use self::further_server::FurtherServer;
use self::opening::Opening;
use crate::background::last_used::flush_last;
use crate::background::tls_reloader::TlsReloader;
use crate::background::workers::Workers;
use crate::cli::VERSION;
use crate::egress;
use crate::error::CommandError;
use crate::file_limit::connections_that_fit;
use crate::settings::console::ConsoleSettings;
use crate::settings::serve::ServeSettings;

/// A service that listens.
pub(crate) struct Service {
    #[cfg(feature = "dev")]
    address: SocketAddr,
    handle: ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
    opening: JoinHandle<Result<Workers, CommandError>>,
    state: AppState,
    _tls: Option<TlsReloader>,
    console: Option<FurtherServer>,
    metrics: Option<FurtherServer>,
    drain_delay: Duration,
}

impl Service {
    /// Binds, listens, and begins to open the vault.
    pub(crate) fn start(
        settings: ServeSettings,
        counters: Arc<Counters>,
    ) -> Result<Self, CommandError> {
        let (listener, address) = listener::bind(settings.listen)?;
        let egress = start_egress(&settings, address)?;
        let mut web = settings.api;
        web.relay = egress.is_some();
        web.tls = settings.tls.is_some();
        let surfaces = surfaces(settings.console);
        let state = AppState::new(surfaces, web, settings.limits, counters.clone());
        let metrics = settings.metrics_listen;
        let metrics =
            metrics.map(|listen| FurtherServer::of_metrics(listen, &state, &settings.http));
        let metrics = metrics.transpose()?;
        let tls = settings.tls;
        let tls = tls.map(|files| TlsReloader::start(files, state.clone()));
        let tls = tls
            .transpose()
            .map_err(|error| CommandError::Failed(format!("TLS: {error}")))?;
        let mut http = settings.http;
        http.tls = tls.as_ref().map(TlsReloader::config);
        let pool = settings.access.database.pool_size;
        http.max_connections = connections_that_fit(http.max_connections, pool);
        let console = settings.console.own();
        let console = console.map(|listen| FurtherServer::of_console(listen, &state, &http));
        let console = console.transpose()?;
        let server = strongroom_web::server::run(listener, state.clone(), &http)
            .map_err(|error| CommandError::io("cannot serve", &error))?;
        let handle = server.handle();
        let tls_on = tls.is_some();
        tracing::info!(%address, tls = tls_on, version = VERSION, "listening");
        let opening = Opening {
            access: settings.access,
            regions: settings.regions,
            vault: settings.vault,
            background: settings.background,
            counters,
            address,
            egress,
        };
        Ok(Self {
            #[cfg(feature = "dev")]
            address,
            handle,
            server: tokio::spawn(server),
            opening: tokio::spawn(opening.run(state.clone())),
            state,
            _tls: tls,
            console,
            metrics,
            drain_delay: settings.drain_delay,
        })
    }

    /// The address that it listens on.
    #[cfg(feature = "dev")]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the vault is open.
    #[cfg(feature = "dev")]
    pub(crate) async fn ready(&mut self) -> Result<(), CommandError> {
        let opened = (&mut self.opening).await;
        let workers = opened.map_err(|error| CommandError::Failed(error.to_string()))??;
        // A handle is awaited only once: `run_until` awaits a new one with the same result.
        self.opening = tokio::spawn(std::future::ready(Ok(workers)));
        Ok(())
    }

    /// Runs until `stop` completes, then finishes the requests in progress.
    ///
    /// # Errors
    /// When the vault cannot be opened, at once; when the server failed.
    pub(crate) async fn run_until(
        mut self,
        stop: impl Future<Output = ()>,
    ) -> Result<(), CommandError> {
        let mut workers = None;
        let failed = tokio::select! {
            () = stop => None,
            failed = opening_failure(&mut self.opening, &mut workers) => Some(failed),
        };
        self.drain(failed.is_some()).await;
        tracing::info!("stopping: finishing requests in progress");
        let further = self.console.into_iter();
        let further = further.map(|server| server.stop(failed.is_none()));
        tokio::join!(self.handle.stop(failed.is_none()), join_all(further));
        let ended = self.server.await;
        if let Some(metrics) = self.metrics {
            metrics.stop(false).await;
        }
        if let Some(workers) = workers {
            workers.stop().await;
        }
        self.opening.abort();
        if let Some(vault) = self.state.opened() {
            flush_last(&vault).await;
        }
        failed.map_or_else(|| server_result(ended), Err)
    }

    // A load balancer has to notice that the server is not ready before it stops serving.
    async fn drain(&self, failed: bool) {
        self.state.drain();
        if failed || self.drain_delay.is_zero() {
            return;
        }
        let delay = self.drain_delay;
        tracing::info!(
            ?delay,
            "draining: /readyz answers 503, requests are still served"
        );
        tokio::time::sleep(delay).await;
    }
}

// The console is found by its prefix; all other paths are the API's.
fn surfaces(console: ConsoleSettings) -> Surfaces {
    let listener = match console {
        ConsoleSettings::Off => None,
        ConsoleSettings::Shared => Some(strongroom_console::Listener::Shared),
        ConsoleSettings::Own(_) => Some(strongroom_console::Listener::Own),
    };
    let console = listener.map(strongroom_console::surface);
    Surfaces::new(strongroom_api::surface(), console.into_iter().collect())
}

// In development, a machine without certificates of authorities still serves all else.
fn start_egress(
    settings: &ServeSettings,
    address: SocketAddr,
) -> Result<Option<Arc<dyn Egress>>, CommandError> {
    let Some(relay) = &settings.relay else {
        return Ok(None);
    };
    let further = [settings.console.own(), settings.metrics_listen];
    let listeners = std::iter::once(address).chain(further.into_iter().flatten());
    let regions = settings.regions.all.iter().map(|region| &region.url);
    let databases = std::iter::once(&settings.access.database.url).chain(regions);
    let servers = databases.flat_map(DatabaseUrl::servers);
    let own = listeners.map(OwnEndpoint::Listener);
    let own = own.chain(servers.map(|(host, port)| OwnEndpoint::Server(host, port)));
    match egress::start(relay, own.collect()) {
        Ok(egress) => Ok(Some(egress)),
        Err(error) if relay.is_required => Err(error),
        Err(error) => {
            tracing::warn!(%error, "relays are not served");
            Ok(None)
        }
    }
}

// Completes only when the vault can never be opened. Puts the workers into `workers` when it is
// open.
async fn opening_failure(
    opening: &mut JoinHandle<Result<Workers, CommandError>>,
    workers: &mut Option<Workers>,
) -> CommandError {
    match opening.await {
        Ok(Ok(started)) => {
            *workers = Some(started);
            std::future::pending().await
        }
        Ok(Err(error)) => error,
        Err(error) => CommandError::Failed(error.to_string()),
    }
}

fn server_result(ended: Result<std::io::Result<()>, JoinError>) -> Result<(), CommandError> {
    match ended {
        Ok(Ok(())) => {
            tracing::info!("stopped");
            Ok(())
        }
        Ok(Err(error)) => Err(CommandError::io("the server failed", &error)),
        Err(error) => Err(CommandError::Failed(format!("the server failed: {error}"))),
    }
}
