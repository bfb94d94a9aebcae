//! Hosts that do not answer requests with credentials.

use std::collections::HashMap;
use std::fmt::Display;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::health::condition::{Condition, Conditions};
use crate::health::count::Count;
use crate::host_name::HostName;

/// Requests in a row without an answer after which a host is away. A single one may be an accident.
const FAILURES: u64 = 3;
/// The time without a request after which a host is forgotten, since it may have answered by now.
const IDLE: Duration = Duration::from_secs(600);
/// Most hosts that are remembered; policies can name any number of them.
const MOST_HOSTS: usize = 1024;

/// The hosts that did not answer the last request.
#[derive(Debug, Default)]
pub struct Upstreams {
    failing: Mutex<HashMap<HostName, Failing>>,
    /// The number of hosts in `failing`, so that an answer of a healthy one takes no lock.
    remembered: Count,
    /// The number of hosts that are away.
    pub away: Count,
}

#[derive(Debug)]
struct Failing {
    since: Instant,
    last: Instant,
    failures: u64,
}

impl Failing {
    fn is_away(&self) -> bool {
        self.failures >= FAILURES
    }
}

impl Upstreams {
    /// Records that `host` answered, whatever the answer. If it was away, that is logged.
    pub fn answered(&self, host: &HostName, conditions: &Conditions) {
        if self.remembered.get() == 0 {
            return;
        }
        let mut failing = self.failing.lock();
        let ended = failing.remove(host);
        self.count(&failing);
        drop(failing);
        if let Some(ended) = ended.filter(Failing::is_away) {
            let (seconds, failures) = (ended.since.elapsed().as_secs(), ended.failures);
            tracing::info!(%host, seconds, failures, "over: the upstream does not answer");
        }
        self.end(conditions);
    }

    /// Records that `host` did not answer. When it becomes away, that is logged with `cause`.
    pub fn failed(&self, host: &HostName, cause: impl Display, conditions: &Conditions) {
        let now = Instant::now();
        let mut failing = self.failing.lock();
        if failing.len() >= MOST_HOSTS && !failing.contains_key(host) {
            return;
        }
        let entry = failing.entry(host.clone()).or_insert(Failing {
            since: now,
            last: now,
            failures: 0,
        });
        entry.last = now;
        entry.failures += 1;
        let (failures, is_away) = (entry.failures, entry.is_away());
        self.count(&failing);
        drop(failing);
        if failures == FAILURES {
            tracing::warn!(%host, %cause, "the upstream does not answer");
        }
        if is_away {
            conditions.record(Condition::UpstreamAway, format_args!("{host}: {cause}"));
        }
    }

    /// Forgets hosts to which nothing was sent for ten minutes, and ends the condition if no host
    /// is away.
    pub fn forget_idle(&self, conditions: &Conditions) {
        self.forget_idle_at(Instant::now(), conditions);
    }

    fn forget_idle_at(&self, now: Instant, conditions: &Conditions) {
        let mut failing = self.failing.lock();
        failing.retain(|_, entry| now - entry.last < IDLE);
        self.count(&failing);
        drop(failing);
        self.end(conditions);
    }

    fn count(&self, failing: &HashMap<HostName, Failing>) {
        self.remembered.set(failing.len() as u64);
        let away = failing.values().filter(|entry| entry.is_away()).count();
        self.away.set(away as u64);
    }

    fn end(&self, conditions: &Conditions) {
        if self.away.get() == 0 {
            conditions.absent(Condition::UpstreamAway);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_active(conditions: &Conditions) -> bool {
        let away = |(condition, active, _): (Condition, bool, u64)| {
            condition == Condition::UpstreamAway && active
        };
        conditions.all().any(away)
    }

    #[test]
    fn a_host_is_away_after_failures_in_a_row() {
        let (upstreams, conditions) = (Upstreams::default(), Conditions::of("test"));
        let host = HostName::parse("api.example.com").unwrap();
        for _ in 0..2 {
            for _ in 0..FAILURES - 1 {
                upstreams.failed(&host, "refused", &conditions);
            }
            upstreams.answered(&host, &conditions);
        }
        assert_eq!((upstreams.away.get(), is_active(&conditions)), (0, false));
        for _ in 0..FAILURES {
            upstreams.failed(&host, "refused", &conditions);
        }
        assert_eq!((upstreams.away.get(), is_active(&conditions)), (1, true));
        upstreams.answered(&host, &conditions);
        assert_eq!(upstreams.away.get(), 0);
    }

    #[test]
    fn hosts_without_requests_are_forgotten() {
        let (upstreams, conditions) = (Upstreams::default(), Conditions::of("test"));
        for number in 0..MOST_HOSTS + 10 {
            let host = HostName::parse(&format!("h{number}.example.com")).unwrap();
            for _ in 0..FAILURES {
                upstreams.failed(&host, "refused", &conditions);
            }
        }
        assert_eq!(upstreams.away.get(), MOST_HOSTS as u64);
        upstreams.forget_idle(&conditions);
        assert_eq!(upstreams.away.get(), MOST_HOSTS as u64);
        upstreams.forget_idle_at(Instant::now() + IDLE, &conditions);
        assert_eq!((upstreams.away.get(), upstreams.remembered.get()), (0, 0));
    }
}
