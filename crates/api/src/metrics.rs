//! Numbers for Prometheus. They never bear an organisation's or credential's id, nor anything a caller sent.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, MetricFamily, MetricType};
use prometheus::{Encoder, Registry, TextEncoder};
use strongroom_domain::Vault;
use strongroom_domain::counters::Counters;

use crate::limit_metrics::LimitMetrics;
use crate::region_metrics::RegionMetrics;

/// One of the vault's counts as a metric.
struct Counted {
    name: &'static str,
    help: &'static str,
    count: fn(&Counters) -> u64,
}

/// What only grows while the process lives; to show another such count, add it here.
const COUNTERS: &[Counted] = &[
    Counted {
        name: "strongroom_seal_failures_total",
        help: "Stored values that did not open, or were malformed, when a request needed them.",
        count: |counters| counters.seal_failures.get(),
    },
    Counted {
        name: "strongroom_integrity_failures_total",
        help: "Findings of the integrity scrub; one that is still there is counted by each run.",
        count: |counters| counters.integrity_failures.get(),
    },
    Counted {
        name: "strongroom_verify_rows_total",
        help: "Rows that the integrity scrub has checked.",
        count: |counters| counters.verify_rows.get(),
    },
    Counted {
        name: "strongroom_verify_runs_total",
        help: "Runs of the integrity scrub on this server that came to their end.",
        count: |counters| counters.verify_runs.get(),
    },
    Counted {
        name: "strongroom_not_in_time_total",
        help: "Writes that some regions did not have in time (408).",
        count: |counters| counters.not_in_time.get(),
    },
    Counted {
        name: "strongroom_uses_dropped_total",
        help: "Uses of credentials and keys that were not kept because too many waited.",
        count: |counters| counters.uses_dropped.get(),
    },
];

/// What is replaced by a newer value.
const GAUGES: &[Counted] = &[
    Counted {
        name: "strongroom_verify_last_run_timestamp_seconds",
        help: "When the integrity scrub's last run on this server ended; 0 when it has run none.",
        count: |counters| counters.verify_last_run.get(),
    },
    Counted {
        name: "strongroom_verify_last_run_findings",
        help: "What that run found.",
        count: |counters| counters.verify_last_findings.get(),
    },
];

fn all() -> impl Iterator<Item = (&'static Counted, MetricType)> {
    let counters = COUNTERS.iter().map(|one| (one, MetricType::COUNTER));
    counters.chain(GAUGES.iter().map(|one| (one, MetricType::GAUGE)))
}

/// Every metric of this process. One of the HTTP surface's own is registered in [`Metrics::new`], and kept in a
/// field to be counted on.
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) limits: Arc<LimitMetrics>,
}

impl Metrics {
    /// Metrics that show `vault`'s counts as soon as it is open, and zeros before.
    ///
    /// # Panics
    /// When two metrics have one name, at every start.
    #[allow(clippy::expect_used, reason = "every start and every test runs it")]
    pub(crate) fn new(vault: Arc<OnceLock<Arc<Vault>>>) -> Self {
        let registry = Registry::new();
        // Fails only when two metrics have one name, which the test would see.
        let _ = registry.register(Box::new(VaultCounts::new(vault.clone())));
        let _ = registry.register(Box::new(RegionMetrics::new(vault)));
        let limits = LimitMetrics::register(&registry).expect("every metric has its own name");
        Self {
            registry,
            limits: Arc::new(limits),
        }
    }

    /// Shows when the TLS certificate expires.
    pub(crate) fn show_tls_expiry(&self, not_after: i64) {
        self.limits.show_tls_expiry(&self.registry, not_after);
    }

    /// All of them in the text format, version 0.0.4.
    pub(crate) fn text(&self) -> prometheus::Result<Vec<u8>> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

struct VaultCounts {
    vault: Arc<OnceLock<Arc<Vault>>>,
    none: Counters,
    descs: Vec<Desc>,
}

impl VaultCounts {
    fn new(vault: Arc<OnceLock<Arc<Vault>>>) -> Self {
        let desc = |one: &Counted| {
            let (name, help) = (one.name.to_owned(), one.help.to_owned());
            Desc::new(name, help, Vec::new(), HashMap::new())
        };
        Self {
            vault,
            none: Counters::default(),
            descs: all().filter_map(|(one, _)| desc(one).ok()).collect(),
        }
    }
}

impl Collector for VaultCounts {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let counters = match self.vault.get() {
            Some(vault) => vault.counters(),
            None => &self.none,
        };
        all()
            .map(|(one, kind)| family(one.name, kind, one.help, (one.count)(counters)))
            .collect()
    }
}

fn family(name: &str, kind: MetricType, help: &str, value: u64) -> MetricFamily {
    let value = value as f64;
    let mut metric = proto::Metric::default();
    if kind == MetricType::GAUGE {
        let mut gauge = proto::Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    } else {
        let mut counter = proto::Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    }
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(vec![metric]);
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_is_shown_before_the_vault_is_open() {
        let text = Metrics::new(Arc::new(OnceLock::new())).text().unwrap();
        let text = String::from_utf8(text).unwrap();
        for (one, kind) in all() {
            let name = one.name;
            assert!(text.contains(&format!("\n{name} 0\n")), "{text}");
            let counter = kind == MetricType::COUNTER;
            assert_eq!(counter, name.ends_with("_total"), "{name}");
        }
    }
}
