//! Accepts connections, and serves HTTP/1.1 on them.

mod acceptor;
mod body_framing;
mod connection;
mod expectation;
mod limiter;
mod timeouts;
mod transport;
mod upgrade_filter;

use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_server::{GracefulShutdownSignal, Server, ServerBuilder};
use actix_service::{
    IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config,
};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig};
use tokio::net::TcpStream;

use crate::connection_state::ConnectionState;
use crate::middleware::guard::guard;
use crate::middleware::observe::observe;
use crate::rate_limit;
use crate::server::acceptor::Acceptor;
use crate::server::connection::Connection;
use crate::server::expectation::SharedApp;
use crate::server::limiter::{ConnectionLimiter, MAX_REFUSING};
use crate::server::timeouts::{SlowClients, Timeouts};
use crate::settings::HttpSettings;
use crate::state::AppState;

/// How long after the HTTP library's timeouts our own take effect. The library's timeout for a head
/// answers 408, and applies only to a connection's first request.
const AFTER_LIBRARY: Duration = Duration::from_secs(1);
/// How long a connection is kept after a response that was sent before the whole request arrived.
const LINGER: Duration = Duration::from_secs(1);
/// Maximum number of open connections to the listener of the metrics alone.
const METRICS_CONNECTIONS: usize = 64;

/// Registers the routes of a listener.
type Configure = fn(&mut ServiceConfig, &AppState);

/// Serves the surfaces without a listener of their own on `listener`, until the server's handle
/// stops it. The caller handles signals.
///
/// # Errors
/// If the listener cannot be used.
pub fn run(
    listener: TcpListener,
    state: AppState,
    settings: &HttpSettings,
) -> std::io::Result<Server> {
    tokio::spawn(rate_limit::sweep_periodically(Arc::downgrade(
        &state.limits,
    )));
    start(listener, state, settings.clone(), |config, state| {
        configure(config, state, false);
    })
}

/// Serves the surfaces that have a listener of their own, and nothing else, on `listener`.
///
/// # Errors
/// If the listener cannot be used.
pub fn run_separate(
    listener: TcpListener,
    state: AppState,
    settings: &HttpSettings,
) -> std::io::Result<Server> {
    start(listener, state, settings.clone(), |config, state| {
        configure(config, state, true);
    })
}

fn configure(config: &mut ServiceConfig, state: &AppState, own_listener: bool) {
    let all = state.surfaces.iter();
    for surface in all.filter(|surface| surface.own_listener == own_listener) {
        (surface.configure)(config, &state.settings, &state.metrics.http);
    }
}

/// Serves the metrics, and nothing else, on `listener`, without TLS.
///
/// # Errors
/// If the listener cannot be used.
pub fn run_metrics(
    listener: TcpListener,
    state: AppState,
    settings: &HttpSettings,
) -> std::io::Result<Server> {
    let settings = HttpSettings {
        workers: 1,
        shutdown_timeout: Duration::from_secs(1),
        max_connections: METRICS_CONNECTIONS,
        tls: None,
        ..settings.clone()
    };
    start(listener, state, settings, |config, state| {
        for surface in state.surfaces.iter() {
            (surface.configure_metrics)(config, &state.metrics.http);
        }
    })
}

fn start(
    listener: TcpListener,
    state: AppState,
    settings: HttpSettings,
    configure: Configure,
) -> std::io::Result<Server> {
    let acceptor = acceptor(&state, &settings);
    let builder = ServerBuilder::new()
        .workers(settings.workers)
        // The limiter counts over all workers. Connections that it refuses are accepted first.
        .max_concurrent_connections(settings.max_connections + MAX_REFUSING)
        .shutdown_timeout(settings.shutdown_timeout.as_secs_f64().ceil() as u64)
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let factory = move || {
        let (acceptor, stopping) = (acceptor.clone(), stopping.clone());
        service(&state, &settings, acceptor, stopping, configure)
    };
    Ok(builder.listen("strongroom", listener, factory)?.run())
}

fn acceptor(state: &AppState, settings: &HttpSettings) -> Acceptor {
    let metrics = &state.metrics.limits;
    let refusal = limiter::refusal(&state.surfaces);
    Acceptor {
        limiter: ConnectionLimiter::new(settings.max_connections, refusal, metrics.clone()),
        tls: settings.tls.clone(),
        timeouts: Timeouts {
            head: settings.header_timeout + AFTER_LIBRARY,
            idle: settings.keep_alive + AFTER_LIBRARY,
            write: settings.write_timeout,
            slow_heads: SlowClients::new("head", metrics.closed("head")),
            slow_readers: SlowClients::new("reading", metrics.closed("reading")),
        },
        failed_handshakes: metrics.failed_handshakes.clone(),
    }
}

fn service(
    state: &AppState,
    settings: &HttpSettings,
    acceptor: Acceptor,
    stopping: GracefulShutdownSignal,
    configure: Configure,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), InitError = (), Error = ()> + use<>
{
    let app = App::new()
        .app_data(Data::new(state.clone()))
        .wrap(from_fn(guard))
        .wrap(from_fn(observe))
        .configure(|config| configure(config, state));
    let app = map_config(
        IntoServiceFactory::<_, actix_http::Request>::into_factory(app),
        |()| AppConfig::default(),
    );
    let app = SharedApp::new(app.map_err(|error| error.error_response()));
    let http = HttpService::build()
        .keep_alive(settings.keep_alive)
        .client_request_timeout(settings.header_timeout)
        .client_disconnect_timeout(LINGER)
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        .on_connect_ext(|connection: &Connection, data| {
            data.insert::<Rc<ConnectionState>>(connection.state());
        })
        .expect(expectation::expectations(app.clone()))
        .h1(expectation::requests(app));
    let acceptor = Rc::new(acceptor);
    fn_service(move |io: TcpStream| {
        let acceptor = acceptor.clone();
        async move { acceptor.accept(io).await.ok_or(()) }
    })
    .and_then(http.map_err(|_| ()))
}
