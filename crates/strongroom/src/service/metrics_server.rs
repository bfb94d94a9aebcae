use std::net::SocketAddr;

use strongroom_web::ServerHandle;
use strongroom_web::settings::HttpSettings;
use strongroom_web::state::AppState;
use tokio::task::JoinHandle;

use super::listener;
use crate::error::CommandError;

/// The listener that serves the metrics only.
pub(super) struct MetricsServer {
    handle: ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
}

impl MetricsServer {
    pub(super) fn start(
        listen: SocketAddr,
        state: &AppState,
        settings: &HttpSettings,
    ) -> Result<Self, CommandError> {
        let (listener, address) = listener::bind(listen)?;
        let server = strongroom_web::server::run_metrics(listener, state.clone(), settings)
            .map_err(|error| CommandError::io("cannot serve the metrics", &error))?;
        tracing::info!(%address, "serving the metrics");
        Ok(Self {
            handle: server.handle(),
            server: tokio::spawn(server),
        })
    }

    pub(super) async fn stop(self) {
        self.handle.stop(false).await;
        let _ = self.server.await;
    }
}
