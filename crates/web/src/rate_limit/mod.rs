//! Rate limits: requests per API key and organization, access tokens per client, and failed
//! authentications per address.

mod buckets;
pub(crate) mod failures;
mod header_fields;
pub mod requests;
pub mod tokens;

use std::sync::{Arc, Weak};
use std::time::Duration;

use ipnet::IpNet;

use crate::metrics::limits::LimitMetrics;
use crate::rate_limit::failures::FailureLimit;
use crate::rate_limit::requests::RequestLimits;
use crate::rate_limit::tokens::TokenLimit;
use crate::settings::LimitSettings;

/// How often full buckets are removed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// All rate limits of a server.
pub(crate) struct RateLimits {
    pub(crate) requests: RequestLimits,
    pub(crate) failures: FailureLimit,
    pub(crate) tokens: TokenLimit,
    pub(crate) trusted_proxies: Vec<IpNet>,
}

impl RateLimits {
    pub(crate) fn new(settings: LimitSettings, metrics: &LimitMetrics) -> Self {
        let refused = metrics.refused("authentication");
        Self {
            requests: RequestLimits::new(&settings, metrics),
            failures: FailureLimit::new(settings.failures, refused),
            tokens: TokenLimit::new(settings.tokens, metrics.refused("token")),
            trusted_proxies: settings.trusted_proxies,
        }
    }

    fn sweep(&self) {
        self.requests.sweep();
        self.failures.sweep();
        self.tokens.sweep();
    }
}

/// Removes full buckets periodically until the limits are dropped, so that only recent callers
/// occupy memory.
pub(crate) async fn sweep_periodically(limits: Weak<RateLimits>) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        let Some(limits) = Weak::upgrade(&limits) else {
            return;
        };
        Arc::as_ref(&limits).sweep();
    }
}
