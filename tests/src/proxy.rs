use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A proxy to a port of this machine that a test can interrupt. It has a thread of its own, so
/// that it also works while the test blocks its thread.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    way: watch::Sender<Way>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    Silent,
    Refused,
}

impl Proxy {
    /// Starts a proxy to the port `target` on 127.0.0.1.
    #[must_use]
    pub fn to(target: u16) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (way, watched) = watch::channel(Way::Open);
        std::thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().unwrap();
            runtime.block_on(accept(listener, target, watched));
        });
        Self { port, way }
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops forwarding without closing connections, as when packets are lost.
    pub fn cut(&self) {
        self.way.send_replace(Way::Silent);
    }

    /// Closes all connections, and new ones immediately, as when the target is down.
    pub fn refuse(&self) {
        self.way.send_replace(Way::Refused);
    }

    /// Resumes forwarding, including the data held back on connections that are still open.
    pub fn heal(&self) {
        self.way.send_replace(Way::Open);
    }
}

// Ends with all connections when the proxy is dropped.
async fn accept(listener: std::net::TcpListener, target: u16, mut way: watch::Receiver<Way>) {
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (client, _) = accepted.unwrap();
                tokio::spawn(connect(client, target, way.clone()));
            }
            changed = way.changed() => if changed.is_err() { return },
        }
    }
}

async fn connect(client: TcpStream, target: u16, mut way: watch::Receiver<Way>) {
    if !open(&mut way).await {
        return;
    }
    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, target));
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pass(from_client, to_server, way.clone()) => {}
        () = pass(from_server, to_client, way) => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>) {
    let mut buffer = vec![0; 64 * 1024];
    while open(&mut way).await {
        let read = tokio::select! {
            changed = way.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
            read = from.read(&mut buffer) => read,
        };
        let Ok(read @ 1..) = read else { return };
        if !open(&mut way).await || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Waits while the proxy is silent; returns whether it is open then.
async fn open(way: &mut watch::Receiver<Way>) -> bool {
    let now = way.wait_for(|way| *way != Way::Silent).await;
    now.is_ok_and(|way| *way == Way::Open)
}
