//! How much a caller may ask for: requests per API key and organization, and wrong keys per address.

mod failures;
mod fields;
mod rate;
mod requests;

use std::sync::{Arc, Weak};
use std::time::Duration;

use ipnet::IpNet;

pub(crate) use failures::FailureLimit;
pub use rate::Rate;
pub(crate) use requests::{RequestLimits, Standing};

use crate::metrics::LimitMetrics;

/// How often buckets that are full again are forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// What may be asked, and whose word on a caller's address counts.
#[derive(Debug, Clone, Default)]
pub struct LimitSettings {
    /// Requests of one API key; `None`: any number.
    pub per_key: Option<Rate>,
    /// Requests of one organization, with all its keys; `None`: any number.
    pub per_organization: Option<Rate>,
    /// Failed authentications from one address; `None`: any number.
    pub failures: Option<Rate>,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

/// All limits of a server.
pub(crate) struct Limits {
    pub(crate) requests: RequestLimits,
    pub(crate) failures: FailureLimit,
    pub(crate) trusted_proxies: Vec<IpNet>,
}

impl Limits {
    pub(crate) fn new(settings: LimitSettings, metrics: &LimitMetrics) -> Self {
        Self {
            requests: RequestLimits::new(&settings, metrics),
            failures: FailureLimit::new(settings.failures, metrics.limited("authentication")),
            trusted_proxies: settings.trusted_proxies,
        }
    }

    fn sweep(&self) {
        self.requests.sweep();
        self.failures.sweep();
    }
}

/// Forgets full buckets again and again, as long as somebody has the limits: memory is needed for those alone that
/// asked for something a moment ago.
pub(crate) async fn keep_small(limits: Weak<Limits>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let Some(limits) = Weak::upgrade(&limits) else {
            return;
        };
        Arc::as_ref(&limits).sweep();
    }
}
