use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, MetricFamily, MetricType};
use strongroom_domain::Vault;
use strongroom_domain::replication::RegionStatus;

/// A number of each region; `None` where it is not known.
struct PerRegion {
    name: &'static str,
    help: &'static str,
    value: fn(&RegionStatus) -> Option<f64>,
}

const GAUGES: &[PerRegion] = &[
    PerRegion {
        name: "strongroom_region_up",
        help: "Whether the region's database answered last time (1) or not (0).",
        value: |region| Some(if region.up { 1.0 } else { 0.0 }),
    },
    PerRegion {
        name: "strongroom_region_primary",
        help: "Whether the region's database is the primary (1) or a standby (0).",
        value: |region| Some(if region.primary { 1.0 } else { 0.0 }),
    },
    PerRegion {
        name: "strongroom_region_lag_bytes",
        help: "Bytes of the primary's log that the region has yet to replay.",
        value: |region| Some(region.lag_bytes? as f64),
    },
    PerRegion {
        name: "strongroom_region_lag_seconds",
        help: "Age of the newest write that the region shows; 0 when it has everything.",
        value: |region| Some(region.lag?.as_secs_f64()),
    },
    PerRegion {
        name: "strongroom_region_waiting",
        help: "Requests that wait for the region.",
        value: |region| Some(region.waiting as f64),
    },
];

/// How far each configured region is, by the region's name.
pub(crate) struct RegionMetrics {
    vault: Arc<OnceLock<Arc<Vault>>>,
    descs: Vec<Desc>,
}

impl RegionMetrics {
    pub(crate) fn new(vault: Arc<OnceLock<Arc<Vault>>>) -> Self {
        let desc = |one: &PerRegion| {
            let (name, help) = (one.name.to_owned(), one.help.to_owned());
            Desc::new(name, help, vec!["region".into()], HashMap::new())
        };
        Self {
            vault,
            descs: GAUGES.iter().filter_map(|one| desc(one).ok()).collect(),
        }
    }
}

impl Collector for RegionMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let regions = self.vault.get().map(|vault| vault.regions());
        let regions = regions.unwrap_or_default();
        let families = GAUGES.iter().map(|one| family(one, &regions));
        families
            .filter(|family| !family.get_metric().is_empty())
            .collect()
    }
}

fn family(one: &PerRegion, regions: &[RegionStatus]) -> MetricFamily {
    let metric = |region: &RegionStatus| {
        let mut gauge = proto::Gauge::default();
        gauge.set_value((one.value)(region)?);
        let mut label = proto::LabelPair::default();
        label.set_name("region".to_owned());
        label.set_value(region.name.clone());
        let mut metric = proto::Metric::default();
        metric.set_gauge(gauge);
        metric.set_label(vec![label]);
        Some(metric)
    };
    let mut family = MetricFamily::default();
    family.set_name(one.name.to_owned());
    family.set_help(one.help.to_owned());
    family.set_field_type(MetricType::GAUGE);
    family.set_metric(regions.iter().filter_map(metric).collect());
    family
}
