use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache;
use prometheus::IntCounter;

use super::fields::{List, POLICY, REMAINING};
use super::rate::{Buckets, Rate, whole_seconds};
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
        let Some(Err(wait)) = self.buckets.as_ref().map(|buckets| buckets.take(&network)) else {
            return;
        };
        self.held_off.insert(network, Instant::now() + wait);
        self.any.store(true, Ordering::Relaxed);
        if self.logged.entry(network).or_insert(()).is_fresh() {
            tracing::warn!(
                peer = %network,
                "too many failed authentications from this address: it is held off (logged once a minute)"
            );
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
