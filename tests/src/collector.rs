use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A trace collector that speaks OTLP over HTTP, and stores the spans that it receives.
#[derive(Debug, Clone)]
pub struct Collector {
    port: u16,
    kept: Arc<Mutex<Vec<Span>>>,
}

/// A received span.
#[derive(Debug, Clone)]
pub struct Span {
    /// Its name.
    pub name: String,
    /// Hexadecimal.
    pub trace: String,
    /// Hexadecimal.
    pub id: String,
    /// The parent span's id; empty when there is none.
    pub parent: String,
    /// Its attributes, as text.
    pub attributes: Vec<(String, String)>,
    /// Its duration in nanoseconds.
    pub nanoseconds: u64,
    /// The attributes of the sender.
    pub resource: Vec<(String, String)>,
}

impl Collector {
    /// Starts a collector, which listens when this returns.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Arc::new(Mutex::new(Vec::new()));
        let own = kept.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, own.clone()));
            }
        });
        Self { port, kept }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// All spans received so far.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.kept.lock().unwrap().clone()
    }

    /// The spans received so far of one trace.
    #[must_use]
    pub fn trace(&self, id: &str) -> Vec<Span> {
        let mut spans = self.spans();
        spans.retain(|span| span.trace == id);
        spans
    }
}

async fn serve(client: TcpStream, kept: Arc<Mutex<Vec<Span>>>) {
    let mut client = BufReader::new(client);
    loop {
        let (mut head, mut line) = (String::new(), String::new());
        while line != "\r\n" {
            line.clear();
            if client.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            head += &line.to_ascii_lowercase();
        }
        assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
        assert!(
            head.contains("content-type: application/x-protobuf"),
            "{head}"
        );
        let length = head.split("content-length: ").nth(1).unwrap();
        let length = length.split("\r\n").next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        client.read_exact(&mut body).await.unwrap();
        let sent = ExportTraceServiceRequest::decode(&body[..]).unwrap();
        kept.lock().unwrap().extend(spans(sent));
        let answer =
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
        client.get_mut().write_all(answer).await.unwrap();
    }
}

fn spans(sent: ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for sender in sent.resource_spans {
        let resource = sender.resource.unwrap_or_default();
        let resource = texts(resource.attributes);
        for span in sender.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(Span {
                name: span.name,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                attributes: texts(span.attributes),
                nanoseconds: span.end_time_unix_nano - span.start_time_unix_nano,
                resource: resource.clone(),
            });
        }
    }
    spans
}

fn texts(
    attributes: Vec<opentelemetry_proto::tonic::common::v1::KeyValue>,
) -> Vec<(String, String)> {
    let text = |value: Option<Value>| match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    let attributes = attributes.into_iter();
    let pair = attributes.map(|pair| (pair.key, text(pair.value.and_then(|value| value.value))));
    pair.collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
