//! Numbers for Prometheus. They never bear a credential's id, nor anything a caller sent, and an organization's id only
//! where the operator asks for it.

mod database;
mod family;
mod http;
mod limits;
mod organizations;
mod process;
mod regions;
mod vault;

use std::sync::{Arc, OnceLock};

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{Encoder, TextEncoder};
use strongroom_domain::Vault;
use strongroom_domain::health::counters::Counters;

pub(crate) use http::{HttpMetrics, RouteMetrics};
pub(crate) use limits::LimitMetrics;
pub(crate) use organizations::ByOrganization;
pub use process::ProcessInfo;

/// Every metric of this process.
pub(crate) struct Metrics {
    vault: Arc<OnceLock<Arc<Vault>>>,
    counters: Arc<Counters>,
    pub(crate) http: HttpMetrics,
    pub(crate) limits: Arc<LimitMetrics>,
    pub(crate) organizations: Option<ByOrganization>,
    process: ProcessCollector,
    about: ProcessInfo,
}

impl Metrics {
    /// Metrics that show `counters`, and `vault`'s state as soon as it is open; organizations by their ids if
    /// `by_organization`.
    ///
    /// # Panics
    /// When two metrics have one name, at every start.
    #[allow(clippy::expect_used, reason = "every start and every test runs it")]
    pub(crate) fn new(
        vault: Arc<OnceLock<Arc<Vault>>>,
        counters: Arc<Counters>,
        by_organization: bool,
        about: ProcessInfo,
    ) -> Self {
        Self {
            vault,
            counters,
            http: HttpMetrics::new(&crate::routes::described()),
            limits: Arc::new(LimitMetrics::new().expect("every metric has its own name")),
            organizations: by_organization.then(ByOrganization::default),
            process: ProcessCollector::for_self(),
            about,
        }
    }

    /// All of them in the text format, version 0.0.4.
    pub(crate) fn text(&self) -> prometheus::Result<Vec<u8>> {
        let vault = self.vault.get();
        let mut families = process::families(&self.about, vault.is_some());
        families.extend(self.http.families());
        families.extend(self.limits.families());
        families.extend(self.organizations.as_ref().map(ByOrganization::family));
        families.extend(vault::families(&self.counters));
        families.extend(database::families(&self.counters));
        if let Some(vault) = vault {
            families.extend(database::store_families(&vault.store_status()));
            families.extend(regions::families(&vault.regions()));
        }
        families.extend(self.process.collect());
        families.retain(|family| !family.get_metric().is_empty());
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown_before_the_vault_is_open() {
        let about = ProcessInfo::default();
        let metrics = Metrics::new(Arc::default(), Arc::default(), false, about);
        let text = String::from_utf8(metrics.text().unwrap()).unwrap();
        let mut kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        assert!(kinds.clone().count() > 30, "{text}");
        for kind in &mut kinds {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name} {kind}");
        }
        assert!(text.contains("\nstrongroom_ready 0\n"), "{text}");
        assert!(
            text.contains("\nstrongroom_seal_failures_total 0\n"),
            "{text}"
        );
    }
}
