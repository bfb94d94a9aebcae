//! Traces for an OpenTelemetry collector, over OTLP. Whatever becomes of the collector, no request waits for it.

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

/// Longest time for the collector to take what it is sent.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest time for what is left when the server stops.
const LAST_PATIENCE: Duration = Duration::from_secs(2);
/// Most bytes of the collector's answer that are read.
const MOST_ANSWERED: u64 = 64 * 1024;

/// Where traces go, and which.
#[derive(Debug, Clone)]
pub(crate) struct TraceSettings {
    /// The collector's URL for traces.
    pub(crate) endpoint: String,
    /// The share of requests that are traced whose sender did not decide; all, or what OpenTelemetry's own variables
    /// say, when absent.
    pub(crate) ratio: Option<f64>,
}

/// Sends spans to a collector, from a thread of its own. What is left is sent when it is dropped.
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Prepares the exporter; does not connect. How it fares is told to `counters`.
    pub(crate) fn start(
        settings: &TraceSettings,
        counters: Arc<Counters>,
    ) -> Result<Self, CommandError> {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .tls_config(tls.build());
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client(agent.build().into()))
            .with_endpoint(&settings.endpoint)
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| CommandError::Failed(format!("traces cannot be sent: {error}")))?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(Told { exporter, counters })
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

    /// What takes the spans of requests, and nothing of the log.
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
        // What the collector does not take by then is lost.
        let _ = self.0.shutdown_with_timeout(LAST_PATIENCE);
    }
}

// What OpenTelemetry's own variables say comes first.
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

/// Makes `span` part of the trace that a request's W3C headers name, if they do.
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

/// Tells how sending fares: the exporter by itself would log every failure, or none.
#[derive(Debug)]
struct Told {
    exporter: SpanExporter,
    counters: Arc<Counters>,
}

impl opentelemetry_sdk::trace::SpanExporter for Told {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        batch.iter_mut().for_each(name);
        let exported = self.exporter.export(batch).await;
        let Counters {
            conditions,
            spans: counts,
            ..
        } = &*self.counters;
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

// A request is called after its route, which is known only when its span has begun, and by then has a name.
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

/// Talks to the collector. Blocks, on the exporter's own thread.
#[derive(Debug)]
struct Client(ureq::Agent);

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut response = self.0.run(request.map(Vec::from))?;
        let answer = response.body_mut().with_config().limit(MOST_ANSWERED);
        let answer = Bytes::from(answer.read_to_vec()?);
        Ok(response.map(|_| answer))
    }
}
