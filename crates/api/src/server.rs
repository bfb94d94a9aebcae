use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpServer};

use crate::middleware::observe;
use crate::routes;
use crate::state::AppState;

/// How HTTP is served.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Threads that serve requests.
    pub workers: usize,
    /// Longest time for a request's head to arrive.
    pub header_timeout: Duration,
    /// Longest time that an idle connection is kept.
    pub keep_alive: Duration,
    /// Longest time that requests under way may take once the server is told to stop.
    pub shutdown_timeout: Duration,
    /// Most connections per worker.
    pub max_connections: usize,
}

/// Serves on `listener` until the server's handle stops it. Signals are the caller's business.
///
/// # Errors
/// When the listener cannot be used.
pub fn run(
    listener: TcpListener,
    state: AppState,
    settings: &HttpSettings,
) -> std::io::Result<Server> {
    let metrics = state.metrics.clone();
    let state = Data::new(state);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .wrap(from_fn(observe))
            .configure(|config| routes::configure(config, &state))
    })
    .on_connect(move |_, connection| {
        connection.insert(metrics.connected());
    })
    .workers(settings.workers)
    .max_connections(settings.max_connections)
    .client_request_timeout(settings.header_timeout)
    .keep_alive(settings.keep_alive)
    .shutdown_timeout(settings.shutdown_timeout.as_secs_f64().ceil() as u64)
    .disable_signals()
    .listen(listener)?
    .run();
    Ok(server)
}

/// Serves the metrics, and nothing else, on `listener`.
///
/// # Errors
/// When the listener cannot be used.
pub fn run_metrics(listener: TcpListener, state: AppState) -> std::io::Result<Server> {
    let state = Data::new(state);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .wrap(from_fn(observe))
            .configure(|config| routes::configure_metrics(config, &state))
    })
    .workers(1)
    .shutdown_timeout(1)
    .disable_signals()
    .listen(listener)?
    .run();
    Ok(server)
}
