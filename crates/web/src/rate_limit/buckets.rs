use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::settings::Rate;

/// Maximum number of buckets before further networks share one. This bounds memory: an IPv6 network
/// has more addresses than a server has memory.
pub(super) const MAX_SEPARATE: usize = 100_000;
/// The key of the shared bucket. No request comes from it: IPv6 networks are counted by their first
/// 64 bits.
pub(super) const SHARED_KEY: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// A token bucket for each `K`.
pub(super) struct Buckets<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DashMapStateStore<K>, MonotonicClock, StateInformationMiddleware>,
    clock: MonotonicClock,
    quota: Quota,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    pub(super) fn new(rate: Rate) -> Self {
        // `governor` refuses a period of zero.
        let period = (rate.per / rate.count.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(period).unwrap_or(Quota::per_second(rate.count));
        let quota = quota.allow_burst(rate.burst);
        Self {
            limiter: RateLimiter::dashmap_with_clock(quota, MonotonicClock).with_middleware(),
            clock: MonotonicClock,
            quota,
        }
    }

    /// Takes a token from `key`'s bucket. Returns the tokens left, or the time until there is one.
    pub(super) fn take(&self, key: &K) -> Result<u32, Duration> {
        match self.limiter.check_key(key) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(not_until) => Err(not_until.wait_time_from(self.clock.now())),
        }
    }

    /// Takes a token from `key`'s bucket. If it is empty then, returns the time until there is one.
    pub(super) fn drain(&self, key: &K) -> Option<Duration> {
        match self.take(key) {
            Ok(0) => self.take(key).err(),
            Ok(_) => None,
            Err(wait) => Some(wait),
        }
    }

    /// Tokens in a full bucket.
    pub(super) fn capacity(&self) -> u32 {
        self.quota.burst_size().get()
    }

    /// Seconds, rounded up, until a bucket with `left` tokens is full.
    pub(super) fn seconds_until_full(&self, left: u32) -> u64 {
        let missing = u64::from(self.capacity().saturating_sub(left));
        let period = u64::try_from(self.quota.replenish_interval().as_nanos()).unwrap_or(u64::MAX);
        missing.saturating_mul(period).div_ceil(1_000_000_000)
    }

    /// Removes full buckets.
    pub(super) fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }

    /// The key of `network`'s bucket: its own address, or the shared key if there are too many.
    pub(super) fn key_of(&self, network: IpAddr) -> IpAddr {
        match self.limiter.len() < MAX_SEPARATE {
            true => network,
            false => SHARED_KEY,
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.limiter.len()
    }
}

/// The value of `Retry-After`: `wait` in seconds, rounded up, at least 1.
pub(super) fn retry_after(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1000))
        .unwrap_or(u64::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn rate(count: u32, per: u64, burst: u32) -> Rate {
        let number = |n| NonZeroU32::new(n).unwrap();
        Rate {
            count: number(count),
            per: Duration::from_secs(per),
            burst: number(burst),
        }
    }

    #[test]
    fn an_empty_bucket_reports_when_a_token_is_available() {
        let buckets = Buckets::new(rate(1, 60, 3));
        assert_eq!((buckets.capacity(), buckets.seconds_until_full(3)), (3, 0));
        assert_eq!(buckets.seconds_until_full(1), 120);
        assert_eq!(buckets.seconds_until_full(0), 180);
        for left in [2, 1, 0] {
            assert_eq!(buckets.take(&"a"), Ok(left));
        }
        let wait = buckets.take(&"a").unwrap_err();
        assert!((59..=60).contains(&retry_after(wait)), "{wait:?}");
        assert_eq!(buckets.take(&"b"), Ok(2));
    }

    #[test]
    fn full_buckets_are_removed() {
        let buckets = Buckets::new(rate(1_000_000, 1, 1));
        for key in 0..1000 {
            assert!(buckets.take(&key).is_ok());
        }
        let slow = Buckets::new(rate(1, 3600, 2));
        slow.take(&0).unwrap();
        std::thread::sleep(Duration::from_millis(2));
        buckets.sweep();
        slow.sweep();
        assert_eq!((buckets.len(), slow.len()), (0, 1));
    }

    #[test]
    fn retry_after_is_at_least_one_second() {
        assert_eq!(retry_after(Duration::ZERO), 1);
        assert_eq!(retry_after(Duration::from_millis(1001)), 2);
    }
}
