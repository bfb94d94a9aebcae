use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache;
use prometheus::IntCounter;

use super::fields::{List, POLICY, REMAINING};
use super::rate::{Buckets, OTHERS, Rate, whole_seconds};
use crate::error::ApiError;

/// Most networks that are held off at a time.
const MOST_HELD_OFF: u64 = 100_000;
/// How often a network that is held off is logged, at most.
const LOGGED_EVERY: Duration = Duration::from_secs(60);

/// Holds off networks from which too many authentications failed.
///
/// A failure is taken out of the network's bucket. When that is empty, the network is held off until there is one
/// in it again: its requests are refused before anybody is asked who they are from, except those with a key that
/// [`strongroom_domain::Vault::recognizes`]. So who shares an address with a flood goes on working.
pub(crate) struct FailureLimit {
    buckets: Option<Buckets<IpAddr>>,
    held_off: Cache<IpAddr, Instant>,
    logged: Cache<IpAddr, ()>,
    // Whether any network ever was: most servers need not look further.
    any: AtomicBool,
    refused: IntCounter,
}

impl FailureLimit {
    pub(super) fn new(rate: Option<Rate>, refused: IntCounter) -> Self {
        let cache = || Cache::builder().max_capacity(MOST_HELD_OFF);
        Self {
            buckets: rate.map(Buckets::new),
            held_off: cache().time_to_live(Duration::from_secs(3600)).build(),
            logged: Cache::builder()
                .max_capacity(MOST_HELD_OFF)
                .time_to_live(LOGGED_EVERY)
                .build(),
            any: AtomicBool::new(false),
            refused,
        }
    }

    /// How long `network` is still held off, when it is.
    pub(crate) fn held_off(&self, network: IpAddr) -> Option<Duration> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let until = self.held_off.get(&network)?;
        until.checked_duration_since(Instant::now())
    }

    /// Counts a failed authentication.
    pub(crate) fn count(&self, network: IpAddr) {
        let Some(buckets) = &self.buckets else {
            return;
        };
        let holder = buckets.holder(network);
        let Err(wait) = buckets.take(&holder) else {
            return;
        };
        self.held_off.insert(network, Instant::now() + wait);
        self.any.store(true, Ordering::Relaxed);
        if !self.logged.entry(holder).or_insert(()).is_fresh() {
            return;
        }
        match holder {
            OTHERS => tracing::warn!(
                "too many failed authentications from more addresses than are counted apart: each that fails is held off \
                 (logged once a minute)"
            ),
            peer => tracing::warn!(
                %peer,
                "too many failed authentications from this address: it is held off (logged once a minute)"
            ),
        }
    }

    /// 429 for a request from a network that is held off for `wait`.
    pub(crate) fn refuse(&self, wait: Duration) -> ApiError {
        self.refused.inc();
        let error = ApiError::held_off(whole_seconds(wait));
        let (mut policy, mut remaining) = (List::default(), List::default());
        if let Some(buckets) = &self.buckets {
            policy.policy("authentication", buckets);
            remaining.remaining("authentication", buckets, 0);
        }
        [(POLICY, policy), (REMAINING, remaining)]
            .into_iter()
            .fold(error, |error, (name, list)| match list.value() {
                Some(value) => error.with_value(name, &value),
                None => error,
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

    use super::super::rate::MOST_APART;
    use super::*;

    #[test]
    fn however_many_networks_fail_memory_is_bounded_and_they_are_held_off() {
        let two = NonZeroU32::new(2).unwrap();
        let rate = Rate {
            count: NonZeroU32::MIN,
            per: Duration::from_secs(86400),
            burst: two,
        };
        let refused = IntCounter::new("refused", "refused").unwrap();
        let limit = FailureLimit::new(Some(rate), refused);
        let network = |n: usize| IpAddr::V6(Ipv6Addr::from((n as u128) << 64));
        for n in 0..MOST_APART + 100 {
            limit.count(network(n));
        }
        let buckets = limit.buckets.as_ref();
        assert_eq!(buckets.map(Buckets::len), Some(MOST_APART + 1));
        assert!(limit.held_off(network(0)).is_none());
        assert!(limit.held_off(network(MOST_APART + 1)).is_none());
        assert!(limit.held_off(network(MOST_APART + 99)).is_some());
    }
}
