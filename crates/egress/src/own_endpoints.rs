use std::net::{IpAddr, SocketAddr, UdpSocket};

use crate::settings::OwnEndpoint;

/// The service's own endpoints, which no request goes to.
#[derive(Debug)]
pub(crate) struct OwnEndpoints(Vec<OwnEndpoint>);

impl OwnEndpoints {
    pub(crate) fn new(endpoints: Vec<OwnEndpoint>) -> Self {
        Self(endpoints)
    }

    /// Whether `target` is one of them. Names of servers are resolved as their own connections
    /// resolve them.
    pub(crate) async fn contain(&self, target: SocketAddr) -> bool {
        let (address, port) = (target.ip(), target.port());
        for endpoint in &self.0 {
            let is_it = match endpoint {
                OwnEndpoint::Listener(listener) => {
                    listener.port() == port && is_reached(listener.ip(), address)
                }
                OwnEndpoint::Server(host, server_port) => {
                    *server_port == port && is_server(host, target).await
                }
            };
            if is_it {
                return true;
            }
        }
        false
    }
}

/// Whether a listener on `listener` accepts connections to `address`.
fn is_reached(listener: IpAddr, address: IpAddr) -> bool {
    listener.to_canonical() == address || (listener.is_unspecified() && is_local(address))
}

/// Whether `address` is one of this machine: only to such an address can a socket be bound.
fn is_local(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

async fn is_server(host: &str, target: SocketAddr) -> bool {
    match tokio::net::lookup_host((host, target.port())).await {
        Ok(mut found) => found.any(|found| found.ip().to_canonical() == target.ip()),
        Err(error) => {
            tracing::warn!(host, %error, "a server of our own does not resolve");
            // As the port is its port, and its address is not known, any address may be its.
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(text: &str) -> OwnEndpoint {
        OwnEndpoint::Listener(text.parse().unwrap())
    }

    #[tokio::test]
    async fn listeners_and_servers_are_recognized() {
        let own = OwnEndpoints::new(vec![
            listener("0.0.0.0:1000"),
            listener("127.0.0.5:2000"),
            OwnEndpoint::Server("localhost".into(), 5432),
            OwnEndpoint::Server("10.9.8.7".into(), 6432),
        ]);
        for (target, expected) in [
            ("127.0.0.1:1000", true),
            ("8.8.8.8:1000", false),
            ("127.0.0.1:1001", false),
            ("127.0.0.5:2000", true),
            ("127.0.0.6:2000", false),
            ("127.0.0.1:5432", true),
            ("10.0.0.1:5432", false),
            ("10.9.8.7:6432", true),
            ("10.9.8.7:443", false),
        ] {
            assert_eq!(
                own.contain(target.parse().unwrap()).await,
                expected,
                "{target}"
            );
        }
        let unknown = OwnEndpoint::Server("nowhere.invalid".into(), 5432);
        let own = OwnEndpoints::new(vec![unknown]);
        assert!(own.contain("10.0.0.1:5432".parse().unwrap()).await);
    }
}
