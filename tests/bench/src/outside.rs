//! The upstream of relays, and the DNS server that leads to it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::Result;
use crate::dns::DnsServer;
use crate::environment::Environment;
use crate::upstream::{Authority, Connection, Script, Upstream};

const NAME: &str = "api.upstream.test";
/// The path whose answer does not end.
pub(crate) const STREAM: &str = "/stream";
/// The seconds for which the name may be resolved again without a query, as those of companies can.
const TTL: u32 = 60;
/// Bytes of an answer, and of a part of a stream.
const BODY: usize = 1024;
/// The time between two parts of a stream.
const PAUSE: Duration = Duration::from_millis(250);

/// An upstream with TLS, whose answers have 1 KiB.
pub(crate) struct Outside {
    upstream: Upstream,
    dns: DnsServer,
    ca: PathBuf,
}

impl Outside {
    pub(crate) async fn start(environment: &Environment) -> Result<Self> {
        let authority = Authority::new();
        let ca = environment.path("upstream-ca.pem");
        let body = data_encoding::BASE64.encode(&authority.certificate);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
        std::fs::write(&ca, pem)?;
        let script: Script = Arc::new(|connection, _| Box::pin(serve(connection)));
        let loopback = vec![IpAddr::from(Ipv4Addr::LOCALHOST)];
        let answers = Arc::new(move |_: &str, _| Some(loopback.clone()));
        Ok(Self {
            upstream: Upstream::start(authority.server(NAME), script).await,
            dns: DnsServer::start_with(answers, TTL).await,
            ca,
        })
    }

    /// The variables of a server that relays to the upstream.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("STRONGROOM_RELAY", "true".into()),
            ("STRONGROOM_EGRESS_DNS", self.dns.address.to_string()),
            ("STRONGROOM_EGRESS_CA_FILE", self.ca.display().to_string()),
            ("STRONGROOM_EGRESS_ALLOW_NETWORKS", "127.0.0.0/8".into()),
        ]
    }

    /// The upstream itself. Its certificate has another name.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.upstream.address)
    }

    /// A policy that allows the upstream.
    pub(crate) fn policy(&self) -> Value {
        json!({"hosts": [NAME], "ports": [self.upstream.address.port()]})
    }
}

/// Answers the requests of a connection.
async fn serve(mut connection: Connection) {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {BODY}\r\n\r\n");
    let answer = [head.as_bytes(), &[b'a'; BODY]].concat();
    let mut request = Vec::new();
    loop {
        request.clear();
        while !request.ends_with(b"\r\n\r\n") {
            if !matches!(connection.read_buf(&mut request).await, Ok(1..)) {
                return;
            }
        }
        let path = format!("GET {STREAM} ");
        if request.starts_with(path.as_bytes()) {
            return stream(connection).await;
        }
        if connection.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// Sends parts until the reader is gone.
async fn stream(mut connection: Connection) {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let size = format!("{BODY:x}\r\n");
    let part = [size.as_bytes(), &[b'a'; BODY], b"\r\n"].concat();
    let mut next = [&head[..], &part].concat();
    while connection.write_all(&next).await.is_ok() {
        next.clone_from(&part);
        tokio::time::sleep(PAUSE).await;
    }
}
