//! Limits how often the same warning is logged.

use std::hash::Hash;
use std::time::Duration;

use moka::sync::Cache;

/// How often the same warning is logged for one key, at most.
const INTERVAL: Duration = Duration::from_secs(60);

/// Allows one log line a minute for each key.
#[derive(Clone)]
pub(crate) struct LogThrottle<K>(Cache<K, ()>)
where
    K: Hash + Eq + Send + Sync + 'static;

impl<K> LogThrottle<K>
where
    K: Hash + Eq + Send + Sync + 'static,
{
    /// A throttle that remembers at most `max_keys` keys.
    pub(crate) fn new(max_keys: u64) -> Self {
        let cache = Cache::builder().max_capacity(max_keys);
        Self(cache.time_to_live(INTERVAL).build())
    }

    /// Whether a line for `key` is to be logged now.
    pub(crate) fn allows(&self, key: K) -> bool {
        self.0.entry(key).or_insert(()).is_fresh()
    }
}
