use prometheus::proto::MetricFamily;
use strongroom_domain::replication::RegionStatus;

use super::family::Family;

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
