use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use strongroom_domain::OrgId;
use strongroom_domain::crypto::SecretBytes;
use strongroom_domain::egress::{
    AnswerPart, AnswerStream, Destination, EgressAnswer, EgressError, EgressRequest,
    ExchangeLimits, HeaderField, RequestBody,
};
use strongroom_domain::host_name::HostName;
use strongroom_domain::ports::egress::Egress;
use strongroom_egress::{EgressClient, EgressSettings};
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;

use crate::dns::{Answers, DnsServer};
use crate::upstream::{Authority, Script, Upstream, head};

pub const NAME: &str = "api.upstream.test";

/// A client, and a server that it can reach as [`NAME`].
pub struct Stage {
    pub client: EgressClient,
    pub upstream: Upstream,
    pub dns: DnsServer,
}

impl Stage {
    pub async fn new(script: Script) -> Self {
        Self::with(script, always("127.0.0.1"), |_| {}).await
    }

    pub async fn with(
        script: Script,
        answers: Answers,
        change: impl FnOnce(&mut EgressSettings),
    ) -> Self {
        let authority = Authority::new();
        let upstream = Upstream::start(authority.server(NAME), script).await;
        let dns = DnsServer::start(answers).await;
        let mut settings = settings(&authority, &dns);
        change(&mut settings);
        let client = EgressClient::start(settings, Handle::current()).unwrap();
        Self {
            client,
            upstream,
            dns,
        }
    }

    pub fn destination(&self) -> Destination {
        to(NAME, self.upstream.address.port())
    }

    pub async fn send(&self, request: EgressRequest) -> Result<EgressAnswer, EgressError> {
        let connection = self.client.open(&self.destination()).await?;
        connection.send(request).await
    }

    /// The status and body of the answer to a GET.
    pub async fn get(&self, target: &str) -> Result<(u16, String), EgressError> {
        let answer = self.send(get(target)).await?;
        Ok((answer.status, text(answer.body).await?))
    }
}

pub fn settings(authority: &Authority, dns: &DnsServer) -> EgressSettings {
    EgressSettings {
        dns: Some(dns.address),
        authorities: vec![authority.certificate.clone()],
        allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
        ..EgressSettings::default()
    }
}

pub fn always(address: &'static str) -> Answers {
    Arc::new(move |_, _| Some(addresses(&[address])))
}

pub fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

pub fn to(host: &str, port: u16) -> Destination {
    Destination {
        org: OrgId(uuid::Uuid::from_u128(1)),
        host: HostName::parse(host).unwrap(),
        port,
    }
}

pub fn get(target: &str) -> EgressRequest {
    request("GET", target, RequestBody::None)
}

pub fn request(method: &str, target: &str, body: RequestBody) -> EgressRequest {
    EgressRequest {
        method: method.to_owned(),
        target: SecretBytes::new(target.as_bytes().to_vec()),
        headers: vec![HeaderField::new("x-test", b"yes")],
        body,
        limits: ExchangeLimits::default(),
    }
}

/// Short times, of which `change` changes one.
pub fn within(request: EgressRequest, change: impl FnOnce(&mut ExchangeLimits)) -> EgressRequest {
    let mut limits = request.limits;
    change(&mut limits);
    EgressRequest { limits, ..request }
}

pub async fn text(mut body: AnswerStream) -> Result<String, EgressError> {
    let mut text = Vec::new();
    while let Some(part) = body.next().await {
        if let AnswerPart::Data(data) = part? {
            text.extend(data);
        }
    }
    Ok(String::from_utf8(text).unwrap())
}

/// A server that answers each request with the same bytes, and keeps the connection.
pub fn answering(answer: &'static str) -> Script {
    Arc::new(move |mut connection, seen| {
        Box::pin(async move {
            while head(&mut connection, &seen).await.is_some() {
                if connection.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        })
    })
}

/// A server that writes `answer` and then stays silent.
pub fn hanging(answer: &'static str) -> Script {
    Arc::new(move |mut connection, seen| {
        Box::pin(async move {
            head(&mut connection, &seen).await;
            connection.write_all(answer.as_bytes()).await.unwrap();
            std::future::pending::<()>().await;
        })
    })
}

/// A server that writes `start`, and then `more` without end.
pub fn endless(start: &'static str, more: &'static str, pause: Duration) -> Script {
    Arc::new(move |mut connection, seen| {
        Box::pin(async move {
            head(&mut connection, &seen).await;
            let mut next = start;
            while connection.write_all(next.as_bytes()).await.is_ok() {
                next = more;
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
            }
        })
    })
}
