use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// What is counted of limits and connections.
pub(crate) struct LimitMetrics {
    registry: Registry,
    limited: IntCounterVec,
    closed: IntCounterVec,
    /// Client connections that are open.
    pub(crate) connections: IntGauge,
    /// Client connections there have been.
    pub(crate) accepted: IntCounter,
    /// Connections that were one too many.
    pub(crate) refused_connections: IntCounter,
    /// TLS handshakes that came to nothing.
    pub(crate) failed_handshakes: IntCounter,
    tls_not_after: IntGauge,
}

impl LimitMetrics {
    /// # Errors
    /// When two metrics have one name, which the test would see.
    pub(super) fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let labeled = |name: &str, help: &str, label: &str| {
            let counter = IntCounterVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let connections = IntGauge::new(
            "strongroom_http_connections",
            "Open connections of clients.",
        )?;
        registry.register(Box::new(connections.clone()))?;
        let metrics = Self {
            limited: labeled(
                "strongroom_rate_limited_total",
                "Requests answered 429, by the limit that was reached.",
                "limit",
            )?,
            closed: labeled(
                "strongroom_connections_closed_total",
                "Connections that were closed because a client took too long, by what it was slow at.",
                "slow",
            )?,
            connections,
            accepted: counter(
                "strongroom_http_connections_total",
                "Connections that clients have made.",
            )?,
            refused_connections: counter(
                "strongroom_connections_refused_total",
                "Connections refused because there were max_connections.",
            )?,
            failed_handshakes: counter(
                "strongroom_tls_handshake_failures_total",
                "TLS handshakes that failed or took too long.",
            )?,
            tls_not_after: IntGauge::new(
                "strongroom_tls_not_after_timestamp_seconds",
                "When the TLS certificate that is served expires.",
            )?,
            registry: registry.clone(),
        };
        for limit in ["key", "organization", "authentication"] {
            metrics.limited(limit);
        }
        for slow in ["head", "reading"] {
            metrics.closed(slow);
        }
        Ok(metrics)
    }

    /// Counts requests that `limit` refused.
    pub(crate) fn limited(&self, limit: &str) -> IntCounter {
        self.limited.with_label_values(&[limit])
    }

    /// Counts connections whose client was too slow at sending a `head` or `reading` its answer.
    pub(crate) fn closed(&self, slow: &str) -> IntCounter {
        self.closed.with_label_values(&[slow])
    }

    /// Shows when the TLS certificate expires, in seconds since 1970. Without TLS there is no such metric.
    pub(crate) fn show_tls_expiry(&self, not_after: i64) {
        self.tls_not_after.set(not_after);
        // Fails from the second time on, when it is there already.
        let _ = self.registry.register(Box::new(self.tls_not_after.clone()));
    }

    pub(super) fn families(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}
