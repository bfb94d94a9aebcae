//! Traces for an OpenTelemetry collector, over OTLP. No request waits for the collector, even when
//! it fails.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::KeyValue;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData};
use strongroom_domain::health::condition::Condition;
use strongroom_domain::health::counters::Counters;
use strongroom_domain::trace::{TRACE, collect};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;
use ureq::tls::{RootCerts, TlsConfig};

use crate::error::CommandError;

/// Longest time for one export.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for the last export, when the server stops.
const LAST_TIMEOUT: Duration = Duration::from_secs(2);
/// Most bytes of the collector's answer that are read.
const MAX_ANSWER: u64 = 64 * 1024;

/// Where traces are sent, and which requests are traced.
#[derive(Debug, Clone)]
pub(crate) struct TraceSettings {
    /// The collector's URL for traces.
    pub(crate) endpoint: String,
    /// The share of requests that are traced when their sender did not decide. `None`: all, or as
    /// OpenTelemetry's own variables say.
    pub(crate) ratio: Option<f64>,
}

/// Sends spans to a collector, from a thread of its own. Remaining spans are sent when it is
/// dropped.
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Prepares the exporter without connecting. Exports are counted in `counters`.
    pub(crate) fn start(
        settings: &TraceSettings,
        counters: Arc<Counters>,
    ) -> Result<Self, CommandError> {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .tls_config(tls.build());
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client(agent.build().into()))
            .with_endpoint(&settings.endpoint)
            .with_timeout(TIMEOUT)
            .build()
            .map_err(|error| CommandError::Failed(format!("cannot send traces: {error}")))?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(CountingExporter { exporter, counters })
            .with_resource(resource());
        let provider = match settings.ratio {
            None => provider,
            Some(ratio) => {
                let own = Sampler::TraceIdRatioBased(ratio);
                provider.with_sampler(Sampler::ParentBased(Box::new(own)))
            }
        };
        collect();
        Ok(Self(provider.build()))
    }

    /// The layer that receives the spans of requests, and no log lines.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("strongroom"))
            .with_context_activation(false)
            .with_tracked_inactivity(false)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_filter(Targets::new().with_target(TRACE, LevelFilter::INFO))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // Spans that the collector has not accepted by then are lost.
        let _ = self.0.shutdown_with_timeout(LAST_TIMEOUT);
    }
}

// OpenTelemetry's own variables take precedence.
fn resource() -> Resource {
    let given = Resource::builder().build();
    let name = given.get(&"service.name".into());
    let named = name.is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_attribute(version);
    match named {
        true => resource.build(),
        false => resource.with_service_name("strongroom").build(),
    }
}

/// Makes `span` part of the trace that a request's W3C headers name, if any.
pub(crate) fn adopt(span: &Span, traceparent: Option<&str>, tracestate: Option<&str>) {
    if traceparent.is_none() || span.is_disabled() {
        return;
    }
    let headers = Headers {
        traceparent,
        tracestate,
    };
    let context = TraceContextPropagator::new().extract(&headers);
    let _ = span.set_parent(context);
}

struct Headers<'a> {
    traceparent: Option<&'a str>,
    tracestate: Option<&'a str>,
}

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => self.traceparent,
            "tracestate" => self.tracestate,
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

/// Counts exports: the exporter itself would log every failure, or none.
#[derive(Debug)]
struct CountingExporter {
    exporter: SpanExporter,
    counters: Arc<Counters>,
}

impl opentelemetry_sdk::trace::SpanExporter for CountingExporter {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        batch.iter_mut().for_each(name);
        let exported = self.exporter.export(batch).await;
        let counts = &self.counters.spans;
        let conditions = &self.counters.conditions;
        match &exported {
            Ok(()) => {
                counts.succeeded.add(spans);
                conditions.absent(Condition::TraceExport);
            }
            Err(error) => {
                counts.failed.add(spans);
                conditions.record(Condition::TraceExport, error);
            }
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

// A request's span is named after its route, which is not known yet when the span begins.
fn name(span: &mut SpanData) {
    if span.name != "request" {
        return;
    }
    let attributes = &span.attributes;
    let text = |key| {
        let found = attributes.iter().find(|pair| pair.key.as_str() == key);
        found.map(|pair| pair.value.as_str())
    };
    if let (Some(method), Some(route)) = (text("http.request.method"), text("http.route")) {
        span.name = format!("{method} {route}").into();
    }
}

/// The HTTP client for the collector. It blocks the exporter's own thread.
#[derive(Debug)]
struct Client(ureq::Agent);

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut response = self.0.run(request.map(Vec::from))?;
        let answer = response.body_mut().with_config().limit(MAX_ANSWER);
        let answer = Bytes::from(answer.read_to_vec()?);
        Ok(response.map(|_| answer))
    }
}
