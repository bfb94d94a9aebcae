use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

/// Most buckets before networks have one together. Somebody with an IPv6 network of his own has more addresses than there is
/// memory.
pub(super) const MOST_APART: usize = 100_000;
/// Whom that bucket is for. No request comes from this one: of IPv6, networks of 64 bits are counted.
pub(super) const OTHERS: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// A token bucket: `burst` at once, and `count` per `per` in the long run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many come back within `per`.
    pub count: NonZeroU32,
    /// A second or more.
    pub per: Duration,
    /// How many there are when nothing was taken for long.
    pub burst: NonZeroU32,
}

/// A bucket for each `K`.
pub(super) struct Buckets<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DashMapStateStore<K>, MonotonicClock, StateInformationMiddleware>,
    clock: MonotonicClock,
    quota: Quota,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    pub(super) fn new(rate: Rate) -> Self {
        // A period of nothing cannot be: there are 10⁹ nanoseconds in a second, and fewer requests.
        let one = (rate.per / rate.count.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(one).unwrap_or(Quota::per_second(rate.count));
        let quota = quota.allow_burst(rate.burst);
        Self {
            limiter: RateLimiter::dashmap_with_clock(quota, MonotonicClock).with_middleware(),
            clock: MonotonicClock,
            quota,
        }
    }

    /// Takes one out of `key`'s bucket; how many are left, or how long until there is one.
    pub(super) fn take(&self, key: &K) -> Result<u32, Duration> {
        match self.limiter.check_key(key) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(not_until) => Err(not_until.wait_time_from(self.clock.now())),
        }
    }

    /// The most that a bucket holds.
    pub(super) fn most(&self) -> u32 {
        self.quota.burst_size().get()
    }

    /// Whole seconds, rounded up, until a bucket with `left` in it is full.
    pub(super) fn full_in(&self, left: u32) -> u64 {
        let missing = u64::from(self.most().saturating_sub(left));
        let one = u64::try_from(self.quota.replenish_interval().as_nanos()).unwrap_or(u64::MAX);
        missing.saturating_mul(one).div_ceil(1_000_000_000)
    }

    /// Forgets full buckets.
    pub(super) fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }

    /// Whose bucket `network` takes from: its own, unless there are very many.
    pub(super) fn holder(&self, network: IpAddr) -> IpAddr {
        match self.limiter.len() < MOST_APART {
            true => network,
            false => OTHERS,
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.limiter.len()
    }
}

/// `wait` in whole seconds, rounded up, and never 0: what `Retry-After` says.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1000))
        .unwrap_or(u64::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
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
    fn a_bucket_gives_its_burst_and_then_says_when() {
        let buckets = Buckets::new(rate(1, 60, 3));
        assert_eq!((buckets.most(), buckets.full_in(3)), (3, 0));
        assert_eq!((buckets.full_in(1), buckets.full_in(0)), (120, 180));
        for left in [2, 1, 0] {
            assert_eq!(buckets.take(&"a"), Ok(left));
        }
        let wait = buckets.take(&"a").unwrap_err();
        assert!((59..=60).contains(&whole_seconds(wait)), "{wait:?}");
        assert_eq!(buckets.take(&"b"), Ok(2));
    }

    #[test]
    fn full_buckets_are_forgotten() {
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
    fn nobody_is_told_to_come_back_at_once() {
        assert_eq!(whole_seconds(Duration::ZERO), 1);
        assert_eq!(whole_seconds(Duration::from_millis(1001)), 2);
    }
}
