//! Accepts connections, and serves HTTP/1.1 on them.

mod connection;
mod places;
mod traffic;
mod transport;

use std::net::{SocketAddr, TcpListener};
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
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::guard::guard;
use crate::limits;
use crate::middleware::observe;
use crate::routes;
use crate::state::AppState;
use connection::{Connection, Patience, Slow};
use places::{MOST_TOLD, Places};
pub(crate) use traffic::{Traffic, UnderWay};
use transport::Transport;

/// After the HTTP library's own limits: that of a head, which answers 408 and holds for a connection's first request
/// alone, and that of an idle connection.
const AFTER_LIBRARY: Duration = Duration::from_secs(1);
/// How long a connection is kept to hear the end of an answer that came before the whole request.
const LINGER: Duration = Duration::from_secs(1);

/// How HTTP is served.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Threads that serve requests.
    pub workers: usize,
    /// Longest time for a TLS handshake, and then for a request's head, to arrive.
    pub header_timeout: Duration,
    /// Longest time in which a client takes nothing of its answer.
    pub write_timeout: Duration,
    /// Longest time that an idle connection is kept.
    pub keep_alive: Duration,
    /// Longest time that requests under way may take once the server is told to stop.
    pub shutdown_timeout: Duration,
    /// Most connections at a time.
    pub max_connections: usize,
    /// How TLS is spoken; the newest value counts for a new connection. Without it, plain HTTP is.
    pub tls: Option<watch::Receiver<Arc<ServerConfig>>>,
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
    tokio::spawn(limits::keep_small(Arc::downgrade(&state.limits)));
    let metrics = state.metrics.limits.clone();
    let door = Door {
        places: Places::new(settings.max_connections, metrics.clone()),
        tls: settings.tls.clone(),
        patience: Patience {
            head: settings.header_timeout + AFTER_LIBRARY,
            idle: settings.keep_alive + AFTER_LIBRARY,
            write: settings.write_timeout,
            slow_heads: Slow::new("head", metrics.closed("head")),
            slow_readers: Slow::new("reading", metrics.closed("reading")),
        },
        failed_handshakes: metrics.failed_handshakes.clone(),
    };
    let builder = ServerBuilder::new()
        .workers(settings.workers)
        // The door counts over all workers; those that it refuses are accepted, too.
        .max_concurrent_connections(settings.max_connections + MOST_TOLD)
        .shutdown_timeout(settings.shutdown_timeout.as_secs_f64().ceil() as u64)
        .disable_signals();
    let (stopping, settings) = (builder.graceful_shutdown_signal(), settings.clone());
    let factory = move || service(&state, &settings, door.clone(), stopping.clone());
    Ok(builder.listen("strongroom", listener, factory)?.run())
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

fn service(
    state: &AppState,
    settings: &HttpSettings,
    door: Door,
    stopping: GracefulShutdownSignal,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), InitError = (), Error = ()> + use<>
{
    let app = App::new()
        .app_data(Data::new(state.clone()))
        .wrap(from_fn(guard))
        .wrap(from_fn(observe))
        .configure(|config| routes::configure(config, state));
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
            data.insert::<Rc<Traffic>>(connection.traffic());
        })
        .h1(app.map_err(|error| error.error_response()));
    let door = Rc::new(door);
    fn_service(move |io: TcpStream| {
        let door = door.clone();
        async move { door.open(io).await.ok_or(()) }
    })
    .and_then(http.map_err(|_| ()))
}

/// Where connections come in.
#[derive(Clone)]
struct Door {
    places: Places,
    tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    patience: Patience,
    failed_handshakes: prometheus::IntCounter,
}

impl Door {
    /// The connection, when there is a place for it, and TLS is spoken where it should be.
    async fn open(&self, io: TcpStream) -> Option<(Connection, Option<SocketAddr>)> {
        let peer = io.peer_addr().ok();
        let Some(place) = self.places.take() else {
            if self.tls.is_none() {
                self.places.refuse(io).await;
            }
            return None;
        };
        // An answer leaves in few writes, and none of them is to wait for the one before to be acknowledged.
        let _ = io.set_nodelay(true);
        let io = match &self.tls {
            None => Transport::Plain(io),
            Some(tls) => {
                let config = tls.borrow().clone();
                let shaking = TlsAcceptor::from(config).accept(io);
                let shaken = tokio::time::timeout(self.patience.head, shaking).await;
                let Ok(Ok(io)) = shaken else {
                    self.failed_handshakes.inc();
                    return None;
                };
                Transport::Tls(Box::new(io))
            }
        };
        Some((Connection::new(io, self.patience.clone(), place), peer))
    }
}
