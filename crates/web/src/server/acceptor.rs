use std::net::SocketAddr;
use std::sync::Arc;

use prometheus::IntCounter;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::server::connection::Connection;
use crate::server::limiter::ConnectionLimiter;
use crate::server::timeouts::Timeouts;
use crate::server::transport::Transport;

/// Makes connections from TCP streams.
#[derive(Clone)]
pub(super) struct Acceptor {
    pub(super) limiter: ConnectionLimiter,
    pub(super) tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    pub(super) timeouts: Timeouts,
    pub(super) failed_handshakes: IntCounter,
}

impl Acceptor {
    /// The connection and its peer, if there is a connection slot and the TLS handshake succeeds.
    pub(super) async fn accept(&self, io: TcpStream) -> Option<(Connection, Option<SocketAddr>)> {
        let peer = io.peer_addr().ok();
        let Some(slot) = self.limiter.acquire() else {
            if self.tls.is_none() {
                self.limiter.refuse(io).await;
            }
            return None;
        };
        // A response is sent in few writes, none of which is to wait for an acknowledgment.
        let _ = io.set_nodelay(true);
        let io = match &self.tls {
            None => Transport::Plain(io),
            Some(tls) => {
                let config = tls.borrow().clone();
                let handshake = TlsAcceptor::from(config).accept(io);
                let finished = tokio::time::timeout(self.timeouts.head, handshake).await;
                let Ok(Ok(io)) = finished else {
                    self.failed_handshakes.inc();
                    return None;
                };
                Transport::Tls(Box::new(io))
            }
        };
        Some((Connection::new(io, self.timeouts.clone(), slot), peer))
    }
}
