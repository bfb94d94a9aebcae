use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use actix_web::http::StatusCode;
use prometheus::proto::MetricFamily;
use strongroom_domain::OrgId;

use super::family::Family;

/// Most organizations that are counted by themselves; those that come later share one place.
const MOST: usize = 10_000;
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

type Counts = [AtomicU64; CLASSES.len()];

/// Requests by organization and by class of the answer's status.
#[derive(Default)]
pub(crate) struct ByOrganization {
    counts: RwLock<HashMap<OrgId, Counts>>,
    others: Counts,
}

impl ByOrganization {
    /// Counts a request of `org`.
    pub(crate) fn count(&self, org: OrgId, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        let add = |counts: &Counts| counts[class].fetch_add(1, Ordering::Relaxed);
        let counts = self.counts.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = counts.get(&org) {
            add(known);
            return;
        }
        drop(counts);
        let mut counts = self.counts.write().unwrap_or_else(PoisonError::into_inner);
        if counts.len() < MOST {
            add(counts.entry(org).or_default());
        } else {
            add(&self.others);
        }
    }

    pub(super) fn family(&self) -> MetricFamily {
        let mut family = Family::counter(
            "strongroom_organization_requests_total",
            "Requests by organization and class of the answer's status; beyond 10000 organizations the rest is `other`.",
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
        let counts = self.counts.read().unwrap_or_else(PoisonError::into_inner);
        for (org, counts) in &*counts {
            add(&org.to_string(), counts);
        }
        add("other", &self.others);
        family.finish()
    }
}
