//! Metrics for Prometheus. They contain no credential's id and no data that callers send, and an
//! organization's id only if the operator enables it.

mod database;
mod family;
pub mod http;
pub(crate) mod limits;
pub(crate) mod organizations;
mod process;
mod regions;
mod vault;

use std::sync::{Arc, OnceLock};

use actix_web::http::Method;
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{Encoder, TextEncoder};
use strongroom_domain::health::counters::Counters;
use strongroom_domain::{Vault, VaultError};

use crate::metrics::http::HttpMetrics;
use crate::metrics::limits::LimitMetrics;
use crate::metrics::organizations::OrganizationMetrics;
use crate::settings::{ProcessInfo, WebSettings};

/// All metrics of this process.
pub struct Metrics {
    vault: Arc<OnceLock<Arc<Vault>>>,
    counters: Arc<Counters>,
    pub(crate) http: HttpMetrics,
    pub(crate) limits: Arc<LimitMetrics>,
    pub(crate) organizations: Option<OrganizationMetrics>,
    collector: ProcessCollector,
    process: ProcessInfo,
}

impl Metrics {
    /// Metrics of `counters`, of requests to `operations` (patterns and methods), and of the vault
    /// once it is open.
    ///
    /// # Panics
    /// If two metrics have the same name, at every start.
    #[allow(clippy::expect_used, reason = "every start and every test runs it")]
    pub(crate) fn new(
        vault: Arc<OnceLock<Arc<Vault>>>,
        counters: Arc<Counters>,
        operations: &[(String, Method)],
        settings: &WebSettings,
    ) -> Self {
        let organizations = settings.metrics_by_organization;
        Self {
            vault,
            counters,
            http: HttpMetrics::new(operations),
            limits: Arc::new(LimitMetrics::new().expect("every metric has its own name")),
            organizations: organizations.then(OrganizationMetrics::default),
            collector: ProcessCollector::for_self(),
            process: settings.process,
        }
    }

    /// Shows the expiry of the TLS certificate, in seconds since 1970.
    pub(crate) fn show_tls_expiry(&self, not_after: i64) {
        self.limits.show_tls_expiry(not_after);
        let since_epoch = u64::try_from(not_after).unwrap_or(0);
        self.counters.certificate_expires.set(since_epoch);
    }

    /// All metrics in the text format, version 0.0.4.
    ///
    /// # Errors
    /// [`VaultError::Internal`] if they cannot be encoded, which is a defect.
    pub fn text(&self) -> Result<Vec<u8>, VaultError> {
        let vault = self.vault.get();
        let mut families = process::families(&self.process, vault.is_some());
        families.extend(self.http.families());
        families.extend(self.limits.families());
        families.extend(self.organizations.as_ref().map(OrganizationMetrics::family));
        families.extend(vault::families(&self.counters));
        families.extend(database::families(&self.counters));
        if let Some(vault) = vault {
            families.extend(database::store_families(&vault.store_status()));
            families.extend(regions::families(&vault.regions()));
        }
        families.extend(self.collector.collect());
        families.retain(|family| !family.get_metric().is_empty());
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&families, &mut text)
            .map_err(|error| VaultError::Internal(error.to_string()))?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::settings::RequestSizes;

    #[test]
    fn counters_are_shown_before_the_vault_is_open() {
        let settings = WebSettings {
            request_timeout: Duration::ZERO,
            body_timeout: Duration::ZERO,
            sizes: RequestSizes::default(),
            anonymous_needs_loopback_host: true,
            tls: false,
            separate_metrics_listener: false,
            relay: false,
            docs: true,
            metrics_by_organization: false,
            process: ProcessInfo::default(),
            adopt_trace: None,
        };
        let operations = [("/healthz".to_owned(), Method::GET)];
        let metrics = Metrics::new(Arc::default(), Arc::default(), &operations, &settings);
        let text = String::from_utf8(metrics.text().unwrap()).unwrap();
        let mut kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        assert!(kinds.clone().count() > 30, "{text}");
        for kind in &mut kinds {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name} {kind}");
        }
        assert!(text.contains("\nstrongroom_ready 0\n"), "{text}");
        let seals = "\nstrongroom_seal_failures_total 0\n";
        assert!(text.contains(seals), "{text}");
    }
}
