//! Accepts connections, and serves HTTP/1.1 on them.

mod acceptor;
mod connection;
mod limiter;
mod timeouts;
mod transport;

use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_server::{GracefulShutdownSignal, Server, ServerBuilder};
use actix_service::{
    IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config,
};
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use tokio::net::TcpStream;

use crate::connection_state::ConnectionState;
use crate::middleware::guard::guard;
use crate::middleware::observe::observe;
use crate::rate_limit;
use crate::server::acceptor::Acceptor;
use crate::server::connection::Connection;
use crate::server::limiter::{ConnectionLimiter, MAX_REFUSING};
use crate::server::timeouts::{SlowClients, Timeouts};
use crate::settings::HttpSettings;
use crate::state::AppState;

/// How long after the HTTP library's timeouts our own take effect. The library's timeout for a head
/// answers 408, and applies only to a connection's first request.
const AFTER_LIBRARY: Duration = Duration::from_secs(1);
/// How long a connection is kept after a response that was sent before the whole request arrived.
const LINGER: Duration = Duration::from_secs(1);

/// Serves the surface on `listener` until the server's handle stops it. The caller handles signals.
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
    let acceptor = acceptor(&state, settings);
    let builder = ServerBuilder::new()
        .workers(settings.workers)
        // The limiter counts over all workers. Connections that it refuses are accepted first.
        .max_concurrent_connections(settings.max_connections + MAX_REFUSING)
        .shutdown_timeout(settings.shutdown_timeout.as_secs_f64().ceil() as u64)
        .disable_signals();
    let (stopping, settings) = (builder.graceful_shutdown_signal(), settings.clone());
    let factory = move || service(&state, &settings, acceptor.clone(), stopping.clone());
    Ok(builder.listen("strongroom", listener, factory)?.run())
}

/// Serves the metrics, and nothing else, on `listener`.
///
/// # Errors
/// If the listener cannot be used.
pub fn run_metrics(listener: TcpListener, state: AppState) -> std::io::Result<Server> {
    let state = Data::new(state);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .wrap(from_fn(observe))
            .configure(|config| (state.surface.configure_metrics)(config, &state.metrics.http))
    })
    .workers(1)
    .shutdown_timeout(1)
    .disable_signals()
    .listen(listener)?
    .run();
    Ok(server)
}

fn acceptor(state: &AppState, settings: &HttpSettings) -> Acceptor {
    let metrics = &state.metrics.limits;
    let refusal = limiter::refusal(&state.surface);
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
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), InitError = (), Error = ()> + use<>
{
    let app = App::new()
        .app_data(Data::new(state.clone()))
        .wrap(from_fn(guard))
        .wrap(from_fn(observe))
        .configure(|config| {
            (state.surface.configure)(config, &state.settings, &state.metrics.http);
        });
    let app = map_config(
        IntoServiceFactory::<_, actix_http::Request>::into_factory(app),
        |()| AppConfig::default(),
    );
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
        .h1(app.map_err(|error| error.error_response()));
    let acceptor = Rc::new(acceptor);
    fn_service(move |io: TcpStream| {
        let acceptor = acceptor.clone();
        async move { acceptor.accept(io).await.ok_or(()) }
    })
    .and_then(http.map_err(|_| ()))
}
