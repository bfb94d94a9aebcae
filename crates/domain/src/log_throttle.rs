//! A throttle that limits how often the same event is logged or recorded.

use std::hash::Hash;
use std::time::Duration;

use moka::sync::Cache;

/// Permits one log message or record per key and interval.
pub(crate) struct LogThrottle<K>(Cache<K, ()>);

impl<K: Hash + Eq + Send + Sync + 'static> LogThrottle<K> {
    /// Creates a throttle that tracks at most `capacity` keys.
    pub(crate) fn new(interval: Duration, capacity: u64) -> Self {
        let cache = Cache::builder().max_capacity(capacity);
        Self(cache.time_to_live(interval).build())
    }

    /// Whether this is the first call for `key` in the current interval.
    pub(crate) fn permits(&self, key: K) -> bool {
        self.0.entry(key).or_insert(()).is_fresh()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_permitted_once_per_interval() {
        let throttle = LogThrottle::new(Duration::from_secs(3600), 10);
        assert!(throttle.permits(1) && throttle.permits(2));
        assert!(!throttle.permits(1));
    }

    #[test]
    fn a_key_is_permitted_again_after_the_interval() {
        let throttle = LogThrottle::new(Duration::from_millis(1), 10);
        assert!(throttle.permits(1));
        std::thread::sleep(Duration::from_millis(10));
        assert!(throttle.permits(1));
    }
}
