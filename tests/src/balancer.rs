use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HOST};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use nix::sys::signal::Signal;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::server::Server;
use crate::waiting::eventually;

/// The interval between two readiness checks of a server.
const EVERY: Duration = Duration::from_millis(100);
/// How long a server may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A load balancer that checks its servers at `/readyz`, keeps connections to them, and never sends
/// a request twice: a server that closes a connection during a request fails that request. Stops
/// when dropped.
pub struct Balancer {
    port: u16,
    shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 2],
}

struct Shared {
    client: Client<HttpConnector, Full<Bytes>>,
    /// Servers, and whether each was ready at its last check.
    servers: Mutex<Vec<(String, bool)>>,
    turn: AtomicUsize,
    failures: Mutex<Vec<String>>,
    passed: AtomicUsize,
}

impl Balancer {
    /// Starts in front of the servers at `urls`; returns once the first is ready.
    pub async fn start(urls: &[String]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut client = Client::builder(TokioExecutor::new());
        let client = client.retry_canceled_requests(false).build_http();
        let servers = urls.iter().map(|url| (url.clone(), false)).collect();
        let shared = Arc::new(Shared {
            client,
            servers: Mutex::new(servers),
            turn: AtomicUsize::new(0),
            failures: Mutex::default(),
            passed: AtomicUsize::new(0),
        });
        let tasks = [
            tokio::spawn(watch(shared.clone())),
            tokio::spawn(accept(listener, shared.clone())),
        ];
        let balancer = Self {
            port,
            shared,
            tasks,
        };
        balancer.sees(&urls[0], true).await;
        balancer
    }

    /// The balancer's base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Adds a server, which receives requests as soon as it is ready.
    pub fn add(&self, url: &str) {
        let server = (url.to_owned(), false);
        self.shared.servers.lock().unwrap().push(server);
    }

    /// Removes a server.
    pub fn remove(&self, url: &str) {
        let mut servers = self.shared.servers.lock().unwrap();
        servers.retain(|(other, _)| other != url);
    }

    /// Waits until a check has found the server at `url` ready, or not ready.
    pub async fn sees(&self, url: &str, ready: bool) {
        let limit = Duration::from_secs(60);
        let wanted = (url.to_owned(), ready);
        eventually("the balancer has noticed", limit, async || {
            self.shared.servers.lock().unwrap().contains(&wanted)
        })
        .await;
    }

    /// Adds `new`, waits until it is ready, and ends `old`, which has to drain. Returns `new`.
    pub async fn replace(&self, mut old: Server, new: Server) -> Server {
        self.add(&new.url());
        self.sees(&new.url(), true).await;
        old.signal(Signal::SIGTERM);
        self.sees(&old.url(), false).await;
        let code = tokio::task::block_in_place(|| old.wait(PATIENCE));
        assert_eq!(code, Some(0), "{}", old.log());
        self.remove(&old.url());
        new
    }

    /// Requests that no server answered.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        self.shared.failures.lock().unwrap().clone()
    }

    /// The number of requests that a server answered.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.shared.passed.load(Ordering::Relaxed)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn watch(shared: Arc<Shared>) {
    loop {
        let urls: Vec<String> = {
            let servers = shared.servers.lock().unwrap();
            servers.iter().map(|(url, _)| url.clone()).collect()
        };
        for url in urls {
            let readyz: Uri = format!("{url}/readyz").parse().unwrap();
            let answer =
                tokio::time::timeout(Duration::from_secs(5), shared.client.get(readyz)).await;
            let ready = matches!(answer, Ok(Ok(answer)) if answer.status() == StatusCode::OK);
            let mut servers = shared.servers.lock().unwrap();
            if let Some(server) = servers.iter_mut().find(|(other, _)| *other == url) {
                server.1 = ready;
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let shared = shared.clone();
        tokio::spawn(async move {
            let answer = |request| {
                let shared = shared.clone();
                async move { Ok::<_, Infallible>(shared.forward(request).await) }
            };
            let connection = hyper::server::conn::http1::Builder::new();
            let _ = connection
                .serve_connection(TokioIo::new(stream), service_fn(answer))
                .await;
        });
    }
}

impl Shared {
    async fn forward(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let what = format!("{} {}", request.method(), request.uri().path());
        match self.pass(request).await {
            Ok(answer) => {
                self.passed.fetch_add(1, Ordering::Relaxed);
                answer
            }
            Err(why) => {
                self.failures.lock().unwrap().push(format!("{what}: {why}"));
                let mut answer = Response::new(Full::default());
                *answer.status_mut() = StatusCode::BAD_GATEWAY;
                answer
            }
        }
    }

    async fn pass(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, String> {
        let server = self.next().ok_or("no server is ready")?;
        let (mut head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri = format!("{server}{path}").parse().unwrap();
        head.headers.remove(HOST);
        let body = body.collect().await.map_err(|error| format!("{error:?}"))?;
        let request = Request::from_parts(head, Full::new(body.to_bytes()));
        let answer = self.client.request(request).await;
        let (mut head, body) = answer
            .map_err(|error| format!("{server}: {error:?}"))?
            .into_parts();
        // This header applies to the connection to the server, not to the one to the caller.
        head.headers.remove(CONNECTION);
        let body = body
            .collect()
            .await
            .map_err(|error| format!("{server}: {error:?}"))?;
        Ok(Response::from_parts(head, Full::new(body.to_bytes())))
    }

    fn next(&self) -> Option<String> {
        let servers = self.servers.lock().unwrap();
        let ready: Vec<&String> = servers
            .iter()
            .filter(|(_, ready)| *ready)
            .map(|(url, _)| url)
            .collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        ready
            .get(turn % ready.len().max(1))
            .map(|url| (*url).clone())
    }
}
