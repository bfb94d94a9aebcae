use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rcgen::CertificateParams;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, Database, TestVault};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::dns::{Answers, DnsServer};
use super::support::{RELAY, put};
use super::upstream::{Authority, Connection, Script, Seen, Upstream, head};

pub(super) const NAME: &str = "api.upstream.test";
pub(super) const SECRET: &str = "sk_live_4eC39/Hq+Ly";

/// An upstream, a DNS server that leads to it, and the file of the authority that it has.
pub(super) struct Outside {
    pub(super) upstream: Upstream,
    pub(super) dns: DnsServer,
    folder: TempDir,
    address: String,
    ca: String,
}

impl Outside {
    pub(super) async fn start(script: Script, answers: Answers) -> Self {
        Self::start_as(&[], script, answers).await
    }

    /// The upstream has further `names`.
    pub(super) async fn start_as(names: &[&str], script: Script, answers: Answers) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Self::start_on(listener, names, script, answers).await
    }

    /// The upstream listens on `listener`, and has further `names`.
    pub(super) async fn start_on(
        listener: TcpListener,
        names: &[&str],
        script: Script,
        answers: Answers,
    ) -> Self {
        let authority = Authority::new();
        let names = [&[NAME], names].concat();
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let certificate = authority.server_with(CertificateParams::new(names).unwrap());
        let upstream = Upstream::start_on(listener, certificate, script);
        let dns = DnsServer::start(answers).await;
        let folder = TempDir::with_prefix("strongroom-relay-").unwrap();
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, pem(&authority)).unwrap();
        Self {
            address: dns.address.to_string(),
            ca: ca.to_str().unwrap().to_owned(),
            upstream,
            dns,
            folder,
        }
    }

    /// The variables of a server that relays to the upstream.
    pub(super) fn variables(&self) -> Vec<(&str, &str)> {
        vec![
            RELAY,
            ("STRONGROOM_EGRESS_DNS", &self.address),
            ("STRONGROOM_EGRESS_CA_FILE", &self.ca),
            ("STRONGROOM_EGRESS_ALLOW_NETWORKS", "127.0.0.0/8"),
        ]
    }

    /// A policy that allows the upstream.
    pub(super) fn policy(&self) -> Value {
        json!({"hosts": [NAME], "ports": [self.upstream.address.port()]})
    }
}

/// A vault, and an upstream to which it relays requests with a credential.
pub(super) struct Scene {
    pub(super) vault: TestVault,
    pub(super) upstream: Upstream,
    pub(super) id: String,
    pub(super) relay: Api,
    pub(super) dns: DnsServer,
    folder: TempDir,
}

impl Scene {
    pub(super) async fn start(script: Script) -> Self {
        Self::start_with(script, always("127.0.0.1"), &[]).await
    }

    pub(super) async fn start_with(
        script: Script,
        answers: Answers,
        variables: &[(&str, &str)],
    ) -> Self {
        Self::start_as(&[], script, answers, variables).await
    }

    /// A scene whose upstream has further `names`.
    pub(super) async fn start_as(
        names: &[&str],
        script: Script,
        answers: Answers,
        variables: &[(&str, &str)],
    ) -> Self {
        let outside = Outside::start_as(names, script, answers).await;
        Self::beside(outside, variables).await
    }

    /// A scene with this upstream.
    pub(super) async fn beside(outside: Outside, variables: &[(&str, &str)]) -> Self {
        Self::beside_on(Database::create().await, outside, variables).await
    }

    /// A scene with this upstream, and a database without shards, whose tables take triggers.
    pub(super) async fn unsharded(outside: Outside) -> Self {
        Self::beside_on(Database::create_unsharded().await, outside, &[]).await
    }

    async fn beside_on(database: Database, outside: Outside, variables: &[(&str, &str)]) -> Self {
        let own = outside.variables();
        let all = [&own[..], variables].concat();
        let vault = TestVault::start_on(database, &all).await;
        let id = vault.admin.create(SECRET).await;
        let relay = vault.new_key(&vault.admin.org, "relay");
        let scene = Self {
            vault,
            upstream: outside.upstream,
            id,
            relay,
            dns: outside.dns,
            folder: outside.folder,
        };
        scene.allow(json!({})).await;
        scene
    }

    /// Sets the policy, with what `more` says.
    pub(super) async fn allow(&self, more: Value) -> Value {
        let mut policy = json!({"hosts": [NAME], "ports": [self.upstream.address.port()]});
        for (name, value) in more.as_object().unwrap() {
            policy[name] = value.clone();
        }
        put(&self.vault.admin, &self.id, &policy).await
    }

    /// Adds a credential with a policy for the upstream.
    pub(super) async fn add(&self, credential: &Value, mut policy: Value) -> String {
        policy["ports"] = json!([self.upstream.address.port()]);
        self.add_with(credential, &policy).await
    }

    /// Adds a credential with exactly this policy.
    pub(super) async fn add_with(&self, credential: &Value, policy: &Value) -> String {
        let id = self.vault.admin.create_from(credential).await;
        put(&self.vault.admin, &id, policy).await;
        id
    }

    /// The path of a relay to `target`, a path and query, at the policy's only host.
    pub(super) fn path(&self, target: &str) -> String {
        format!("{CREDENTIALS}/{}/relay/-{target}", self.id)
    }

    pub(super) fn request(&self, method: Method, target: &str) -> RequestBuilder {
        self.relay.request(method, &self.path(target))
    }

    /// The status, the origin and the text of the answer to a GET.
    pub(super) async fn get(&self, target: &str) -> (u16, String, String) {
        let Ok(answer) = self.request(Method::GET, target).send().await else {
            return (0, String::new(), "cut".into());
        };
        let status = answer.status().as_u16();
        let origin = answer.headers().get("slashid-relay-origin");
        let origin = origin
            .map_or("", |origin| origin.to_str().unwrap())
            .to_owned();
        (
            status,
            origin,
            answer.text().await.unwrap_or_else(|_| "cut".into()),
        )
    }

    /// The status and the code of the error to a GET.
    pub(super) async fn error(&self, target: &str) -> (u16, String) {
        let (status, origin, text) = self.get(target).await;
        assert_eq!(origin, "strongroom", "{status} {text}");
        (status, code(&text))
    }

    /// The newest events of the organization, the newest first.
    pub(super) async fn events(&self) -> Vec<Value> {
        let path = "/organizations/config/audit-events?limit=1000";
        let events: Value = self.vault.admin.get(path).await.json().await.unwrap();
        events["result"].as_array().unwrap().clone()
    }

    /// What the upstream saw last.
    pub(super) fn last_head(&self) -> String {
        self.upstream.seen.heads().last().unwrap().clone()
    }

    pub(super) fn folder(&self) -> &TempDir {
        &self.folder
    }
}

/// The code of the first error of a body.
pub(super) fn code(text: &str) -> String {
    let body: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{text}"));
    body["errors"][0]["code"].as_str().unwrap().to_owned()
}

pub(super) fn always(address: &'static str) -> Answers {
    Arc::new(move |_, _| Some(addresses(&[address])))
}

pub(super) fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn pem(authority: &Authority) -> String {
    let body = data_encoding::BASE64.encode(&authority.certificate);
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
}

/// An upstream that answers each request with what `answer` makes of its head and body.
pub(super) fn answering(answer: impl Fn(&str, &[u8]) -> Vec<u8> + Send + Sync + 'static) -> Script {
    let answer = Arc::new(answer);
    Arc::new(move |mut connection: Connection, seen: Seen| {
        let answer = answer.clone();
        Box::pin(async move {
            while let Some(head) = head(&mut connection, &seen).await {
                let body = body(&mut connection, &head).await;
                if connection.write_all(&answer(&head, &body)).await.is_err() {
                    return;
                }
            }
        })
    })
}

async fn body(connection: &mut Connection, head: &str) -> Vec<u8> {
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    connection.read_exact(&mut body).await.unwrap();
    if head.contains("transfer-encoding: chunked") {
        while !body.ends_with(b"0\r\n\r\n") {
            body.push(connection.read_u8().await.unwrap());
        }
    }
    body
}

/// A whole answer with `body`.
pub(super) fn ok(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// An upstream that answers each request with its own head and body.
pub(super) fn echo() -> Script {
    answering(|head, body| ok(&[head.as_bytes(), body].concat()))
}
