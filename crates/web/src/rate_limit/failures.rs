use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use moka::sync::Cache;
use prometheus::IntCounter;

use crate::log_throttle::LogThrottle;
use crate::rate_limit::buckets::{Buckets, SHARED_KEY, retry_after};
use crate::rate_limit::header_fields::{FieldList, POLICY, REMAINING};
use crate::refusal::Refusal;
use crate::settings::Rate;

/// Maximum number of networks that are blocked at the same time.
const MAX_BLOCKED: u64 = 100_000;

/// Blocks networks from which too many authentications failed.
///
/// Each failure takes a token from the network's bucket. With the last one, the network is
/// blocked until it contains a token again: its requests are refused before any query, except those
/// with a key that [`strongroom_domain::Vault::recognizes`]. Other clients behind the same address
/// can therefore continue to work.
pub(crate) struct FailureLimit {
    buckets: Option<Buckets<IpAddr>>,
    blocked: Cache<IpAddr, Instant>,
    log: LogThrottle<IpAddr>,
    // Whether any network was ever blocked. On most servers this saves the lookup.
    any_blocked: AtomicBool,
    refused: IntCounter,
}

impl FailureLimit {
    pub(super) fn new(rate: Option<Rate>, refused: IntCounter) -> Self {
        let blocked = Cache::builder().max_capacity(MAX_BLOCKED);
        Self {
            buckets: rate.map(Buckets::new),
            blocked: blocked.time_to_live(Duration::from_secs(3600)).build(),
            log: LogThrottle::new(MAX_BLOCKED),
            any_blocked: AtomicBool::new(false),
            refused,
        }
    }

    /// How much longer `network` is blocked, if it is.
    pub(crate) fn blocked_for(&self, network: IpAddr) -> Option<Duration> {
        if !self.any_blocked.load(Ordering::Relaxed) {
            return None;
        }
        let until = self.blocked.get(&network)?;
        until.checked_duration_since(Instant::now())
    }

    /// Counts a failed authentication.
    pub(crate) fn count(&self, network: IpAddr) {
        let Some(buckets) = &self.buckets else {
            return;
        };
        let key = buckets.key_of(network);
        let Some(wait) = buckets.drain(&key) else {
            return;
        };
        self.blocked.insert(network, Instant::now() + wait);
        self.any_blocked.store(true, Ordering::Relaxed);
        if !self.log.allows(key) {
            return;
        }
        match key {
            SHARED_KEY => tracing::warn!(
                "too many failed authentications from more addresses than are counted separately: \
                 each address that fails is blocked (logged once a minute)"
            ),
            peer => tracing::warn!(
                %peer,
                "too many failed authentications from this address: it is blocked \
                 (logged once a minute)"
            ),
        }
    }

    /// 429 for a request from a network that is blocked for `wait`.
    pub(crate) fn refuse(&self, wait: Duration) -> Refusal {
        self.refused.inc();
        let refusal = Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_failures",
            "too many failed authentications from this address; nothing was looked up",
        );
        let refusal = refusal.with_header(RETRY_AFTER, retry_after(wait));
        let (mut policy, mut remaining) = (FieldList::default(), FieldList::default());
        if let Some(buckets) = &self.buckets {
            policy.add_policy("authentication", buckets);
            remaining.add_remaining("authentication", buckets, 0);
        }
        let headers = [(POLICY, policy), (REMAINING, remaining)];
        headers
            .into_iter()
            .fold(refusal, |refusal, (name, list)| match list.text() {
                Some(value) => refusal.with_header(name, value),
                None => refusal,
            })
    }

    pub(super) fn sweep(&self) {
        if let Some(buckets) = &self.buckets {
            buckets.sweep();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;
    use std::num::NonZeroU32;

    use super::*;
    use crate::rate_limit::buckets::MAX_SEPARATE;

    #[test]
    fn memory_is_bounded_however_many_networks_fail_and_they_are_blocked() {
        let two = NonZeroU32::new(2).unwrap();
        let rate = Rate {
            count: NonZeroU32::MIN,
            per: Duration::from_secs(86400),
            burst: two,
        };
        let refused = IntCounter::new("refused", "refused").unwrap();
        let limit = FailureLimit::new(Some(rate), refused);
        let network = |n: usize| IpAddr::V6(Ipv6Addr::from((n as u128) << 64));
        for n in 0..MAX_SEPARATE + 100 {
            limit.count(network(n));
        }
        let buckets = limit.buckets.as_ref();
        assert_eq!(buckets.map(Buckets::len), Some(MAX_SEPARATE + 1));
        assert!(limit.blocked_for(network(0)).is_none());
        assert!(limit.blocked_for(network(MAX_SEPARATE)).is_none());
        assert!(limit.blocked_for(network(MAX_SEPARATE + 1)).is_some());
    }
}
