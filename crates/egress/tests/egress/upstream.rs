//! A TLS server that does what a test says, byte by byte.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use rcgen::{CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub type Connection = TlsStream<TcpStream>;
type Served = Pin<Box<dyn Future<Output = ()> + Send>>;
pub type Script = Arc<dyn Fn(Connection, Seen) -> Served + Send + Sync>;

/// What a server has read: each request's head, in order, and the number of connections.
#[derive(Clone, Default)]
pub struct Seen(pub Arc<Mutex<(Vec<String>, usize)>>);

impl Seen {
    pub fn heads(&self) -> Vec<String> {
        self.0.lock().0.clone()
    }

    pub fn connections(&self) -> usize {
        self.0.lock().1
    }
}

pub struct Upstream {
    pub address: SocketAddr,
    pub seen: Seen,
    task: JoinHandle<()>,
}

impl Upstream {
    pub async fn start(certificate: ServerConfig, script: Script) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Self::start_on(listener, certificate, script)
    }

    pub fn start_on(listener: TcpListener, certificate: ServerConfig, script: Script) -> Self {
        let address = listener.local_addr().unwrap();
        let (seen, tls) = (Seen::default(), TlsAcceptor::from(Arc::new(certificate)));
        let counted = seen.clone();
        let task = tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                counted.0.lock().1 += 1;
                let (tls, script, seen) = (tls.clone(), script.clone(), counted.clone());
                tokio::spawn(async move {
                    if let Ok(tls) = tls.accept(tcp).await {
                        script(tls, seen).await;
                    }
                });
            }
        });
        Self {
            address,
            seen,
            task,
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The next request's head, if the connection does not end before.
pub async fn head(connection: &mut Connection, seen: &Seen) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    seen.0.lock().0.push(head.clone());
    Some(head)
}

/// An authority, and certificates of it.
pub struct Authority {
    pub certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        let issuer = Issuer::new(params, key);
        Self {
            certificate,
            issuer,
        }
    }

    pub fn server(&self, name: &str) -> ServerConfig {
        self.server_with(CertificateParams::new(vec![name.to_owned()]).unwrap())
    }

    pub fn server_with(&self, params: CertificateParams) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        server(certificate.der().clone(), &key)
    }
}

pub fn self_signed(name: &str) -> ServerConfig {
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    server(params.self_signed(&key).unwrap().der().clone(), &key)
}

fn server(certificate: CertificateDer<'static>, key: &KeyPair) -> ServerConfig {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}
