use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Metrics of rate limits, client connections and TLS.
pub(crate) struct LimitMetrics {
    registry: Registry,
    refused: IntCounterVec,
    closed: IntCounterVec,
    /// Client connections that are open.
    pub(crate) connections: IntGauge,
    /// Client connections that were accepted.
    pub(crate) accepted: IntCounter,
    /// Client connections that were refused because there were too many.
    pub(crate) refused_connections: IntCounter,
    /// TLS handshakes that failed.
    pub(crate) failed_handshakes: IntCounter,
    tls_not_after: IntGauge,
}

impl LimitMetrics {
    /// # Errors
    /// If two metrics have the same name, which the test would detect.
    pub(super) fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let connections = IntGauge::new("strongroom_http_connections", "Open client connections.")?;
        registry.register(Box::new(connections.clone()))?;
        let metrics = Self {
            refused: labeled(
                &registry,
                "strongroom_rate_limited_total",
                "Requests answered 429, by the limit that was reached.",
                "limit",
            )?,
            closed: labeled(
                &registry,
                "strongroom_connections_closed_total",
                "Connections that were closed because the client was slow, by activity.",
                "slow",
            )?,
            connections,
            accepted: counter(
                &registry,
                "strongroom_http_connections_total",
                "Client connections accepted.",
            )?,
            refused_connections: counter(
                &registry,
                "strongroom_connections_refused_total",
                "Connections refused because max_connections were open.",
            )?,
            failed_handshakes: counter(
                &registry,
                "strongroom_tls_handshake_failures_total",
                "TLS handshakes that failed or took too long.",
            )?,
            tls_not_after: IntGauge::new(
                "strongroom_tls_not_after_timestamp_seconds",
                "Expiry of the served TLS certificate, in seconds since 1970.",
            )?,
            registry,
        };
        for limit in ["key", "organization", "authentication", "token"] {
            metrics.refused(limit);
        }
        for slow in ["head", "reading"] {
            metrics.closed(slow);
        }
        Ok(metrics)
    }

    /// The counter of requests that `limit` refused.
    pub(crate) fn refused(&self, limit: &str) -> IntCounter {
        self.refused.with_label_values(&[limit])
    }

    /// The counter of connections whose client was slow at sending a `head` or `reading` its
    /// response.
    pub(crate) fn closed(&self, slow: &str) -> IntCounter {
        self.closed.with_label_values(&[slow])
    }

    /// Shows the expiry of the TLS certificate, in seconds since 1970. Without TLS the metric does
    /// not exist.
    pub(crate) fn show_tls_expiry(&self, not_after: i64) {
        self.tls_not_after.set(not_after);
        // Fails if it is already registered, from the second call on.
        let _ = self.registry.register(Box::new(self.tls_not_after.clone()));
    }

    pub(super) fn families(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

fn labeled(
    registry: &Registry,
    name: &str,
    help: &str,
    label: &str,
) -> prometheus::Result<IntCounterVec> {
    let counter = IntCounterVec::new(Opts::new(name, help), &[label])?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

fn counter(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntCounter> {
    let counter = IntCounter::new(name, help)?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}
