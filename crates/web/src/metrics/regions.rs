use prometheus::proto::MetricFamily;
use strongroom_domain::replication::RegionStatus;

use crate::metrics::family::Family;

/// A number of each region; `None` while it is unknown.
struct PerRegion {
    name: &'static str,
    help: &'static str,
    value: fn(&RegionStatus) -> Option<f64>,
}

const GAUGES: &[PerRegion] = &[
    PerRegion {
        name: "strongroom_region_up",
        help: "Whether the region's database answered the last query (1) or not (0).",
        value: |region| Some(if region.up { 1.0 } else { 0.0 }),
    },
    PerRegion {
        name: "strongroom_region_primary",
        help: "Whether the region's database is the primary (1) or a standby (0).",
        value: |region| Some(if region.primary { 1.0 } else { 0.0 }),
    },
    PerRegion {
        name: "strongroom_region_lag_bytes",
        help: "Bytes of the primary's log that the region has not replayed yet.",
        value: |region| Some(region.lag_bytes? as f64),
    },
    PerRegion {
        name: "strongroom_region_lag_seconds",
        help: "Age of the newest write that the region shows; 0 if it has every write.",
        value: |region| Some(region.lag?.as_secs_f64()),
    },
    PerRegion {
        name: "strongroom_region_waiting",
        help: "Requests that wait for the region.",
        value: |region| Some(region.waiting as f64),
    },
];

/// The state of each configured region, by the region's name.
pub(super) fn families(regions: &[RegionStatus]) -> impl Iterator<Item = MetricFamily> {
    GAUGES.iter().map(move |one| {
        let mut family = Family::gauge(one.name, one.help);
        for region in regions {
            if let Some(value) = (one.value)(region) {
                family.add(&[("region", &region.name)], value);
            }
        }
        family.finish()
    })
}
