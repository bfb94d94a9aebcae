use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use strongroom_domain::egress::EgressError;
use strongroom_domain::host_name::HostName;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;

use crate::request_body::OutgoingBody;
use crate::resolver::Addresses;
use crate::tls::handshake_error;

/// Pause before the next address is tried beside those before it (RFC 8305 § 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// Most bytes of an answer's head, of a chunk's extensions, and of trailers.
const MAX_HEAD: usize = 64 * 1024;
/// Most headers of an answer.
const MAX_HEADERS: usize = 256;

/// A connection's sending half.
pub(crate) type Sender = SendRequest<OutgoingBody>;

/// Connects, and speaks TLS.
pub(crate) struct Connector {
    tls: TlsConnector,
}

impl Connector {
    pub(crate) fn new(config: Arc<ClientConfig>) -> Self {
        let tls = TlsConnector::from(config);
        Self { tls }
    }

    /// A connection to one of `addresses`, whose certificate is valid for `host`; and which it is.
    /// The connection lives on the current runtime.
    ///
    /// # Errors
    /// [`EgressError::Unreachable`], [`EgressError::Tls`].
    pub(crate) async fn connect(
        &self,
        host: &HostName,
        addresses: &Addresses,
        port: u16,
    ) -> Result<(Sender, SocketAddr), EgressError> {
        let (tcp, address) = first(addresses, port).await.ok_or_else(|| {
            EgressError::Unreachable(format!("no address of {host} accepts a connection"))
        })?;
        let _ = tcp.set_nodelay(true);
        let name = ServerName::try_from(host.as_str().to_owned());
        let name = name.map_err(|error| EgressError::Tls(error.to_string()))?;
        let tls = self.tls.connect(name, tcp).await;
        let tls = tls.map_err(|error| handshake_error(&error))?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_HEADERS)
            .handshake(TokioIo::new(tls))
            .await
            .map_err(|error| EgressError::Protocol(error.to_string()))?;
        tokio::spawn(async move {
            // Errors reach the request that the connection serves.
            let _ = connection.await;
        });
        Ok((sender, address))
    }
}

/// The first address that accepts a connection. Each is tried after the one before it failed, or
/// did not answer for [`ATTEMPT_DELAY`].
async fn first(addresses: &Addresses, port: u16) -> Option<(TcpStream, SocketAddr)> {
    let mut left = addresses.iter();
    let mut attempts = FuturesUnordered::new();
    loop {
        if let Some(address) = left.next() {
            let address = SocketAddr::new(*address, port);
            attempts.push(async move { (TcpStream::connect(address).await, address) });
        }
        let is_last = left.len() == 0;
        tokio::select! {
            attempt = attempts.next() => match attempt {
                Some((Ok(tcp), address)) => return Some((tcp, address)),
                Some((Err(_), _)) => {}
                None => return None,
            },
            () = sleep(ATTEMPT_DELAY), if !is_last => {}
        }
    }
}
