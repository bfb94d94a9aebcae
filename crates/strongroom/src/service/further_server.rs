use std::net::{SocketAddr, TcpListener};

use strongroom_web::settings::HttpSettings;
use strongroom_web::state::AppState;
use strongroom_web::{Server, ServerHandle};
use tokio::task::JoinHandle;

use super::listener;
use crate::error::CommandError;

/// A listener beside the main one.
pub(super) struct FurtherServer {
    handle: ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
}

/// Serves a part of what there is on a listener.
type Run = fn(TcpListener, AppState, &HttpSettings) -> std::io::Result<Server>;

impl FurtherServer {
    /// The listener that serves the metrics only.
    pub(super) fn of_metrics(
        listen: SocketAddr,
        state: &AppState,
        settings: &HttpSettings,
    ) -> Result<Self, CommandError> {
        let (started, address) =
            Self::start(listen, state, settings, strongroom_web::server::run_metrics)?;
        tracing::info!(%address, "serving the metrics");
        Ok(started)
    }

    /// The listener that serves the console only.
    pub(super) fn of_console(
        listen: SocketAddr,
        state: &AppState,
        settings: &HttpSettings,
    ) -> Result<Self, CommandError> {
        let (started, address) = Self::start(
            listen,
            state,
            settings,
            strongroom_web::server::run_separate,
        )?;
        tracing::info!(%address, "serving the console");
        Ok(started)
    }

    fn start(
        listen: SocketAddr,
        state: &AppState,
        settings: &HttpSettings,
        run: Run,
    ) -> Result<(Self, SocketAddr), CommandError> {
        let (listener, address) = listener::bind(listen)?;
        let server = run(listener, state.clone(), settings)
            .map_err(|error| CommandError::io(&format!("cannot serve on {address}"), &error))?;
        let started = Self {
            handle: server.handle(),
            server: tokio::spawn(server),
        };
        Ok((started, address))
    }

    /// Stops it; with `graceful`, after the requests in progress.
    pub(super) async fn stop(self, graceful: bool) {
        self.handle.stop(graceful).await;
        let _ = self.server.await;
    }
}
