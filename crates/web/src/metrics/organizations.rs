use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::StatusCode;
use parking_lot::RwLock;
use prometheus::proto::MetricFamily;
use strongroom_domain::OrgId;

use crate::metrics::family::Family;

/// Maximum number of organizations that are counted separately. Later ones are counted together.
const MAX_SEPARATE: usize = 10_000;
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

type Counts = [AtomicU64; CLASSES.len()];

/// Requests by organization and by class of the response's status.
#[derive(Default)]
pub(crate) struct OrganizationMetrics {
    counts: RwLock<HashMap<OrgId, Counts>>,
    others: Counts,
}

impl OrganizationMetrics {
    /// Counts a request of `org`.
    pub(crate) fn count(&self, org: OrgId, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        let add = |counts: &Counts| counts[class].fetch_add(1, Ordering::Relaxed);
        if let Some(known) = self.counts.read().get(&org) {
            add(known);
            return;
        }
        let mut counts = self.counts.write();
        if counts.len() < MAX_SEPARATE {
            add(counts.entry(org).or_default());
        } else {
            add(&self.others);
        }
    }

    pub(super) fn family(&self) -> MetricFamily {
        let mut family = Family::counter(
            "strongroom_organization_requests_total",
            "Requests by organization and class of the response's status; beyond 10000 \
             organizations, the remaining ones are counted as `other`.",
        );
        let mut add = |organization: &str, counts: &Counts| {
            for (class, count) in CLASSES.iter().zip(counts) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    let labels = [("organization", organization), ("class", class)];
                    family.add(&labels, count as f64);
                }
            }
        };
        for (org, counts) in &*self.counts.read() {
            add(&org.to_string(), counts);
        }
        add("other", &self.others);
        family.finish()
    }
}
