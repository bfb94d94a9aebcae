use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::api::Api;
use crate::history::Call;

/// The most calls on one credential, because longer histories take long to check.
const CALLS: usize = 60;
/// The most calls with an unknown outcome on one credential, for the same reason.
const UNKNOWN: usize = 4;

/// The record that all callers share.
pub(super) struct Journal {
    pub(super) orgs: Vec<Org>,
    servers: Mutex<Vec<String>>,
    stopped: AtomicBool,
    next: AtomicU64,
    counts: Mutex<Counts>,
    failures: Mutex<Vec<FailedRequest>>,
}

/// An organization and its credentials.
pub(super) struct Org {
    pub(super) admin: Api,
    /// The credentials that callers still use.
    pub(super) hot: Mutex<Vec<Arc<Item>>>,
    pub(super) all: Mutex<Vec<Arc<Item>>>,
    pub(super) nameless: Mutex<Vec<Nameless>>,
}

/// A credential whose creation was acknowledged.
pub(super) struct Item {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) calls: Mutex<Vec<Call>>,
}

/// A credential whose creation was not acknowledged.
#[derive(Debug, Clone)]
pub(super) struct Nameless {
    pub(super) label: String,
    pub(super) secret: u64,
    /// Whether it may exist nevertheless.
    pub(super) possible: bool,
}

/// Counts of requests by outcome.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Operations that succeeded.
    pub done: usize,
    /// Writes among them.
    pub written: usize,
    /// Requests that were refused without effect.
    pub refused: usize,
    /// Writes with unknown outcome.
    pub unknown: usize,
    /// Credentials whose creation was acknowledged.
    pub created: usize,
    /// The slowest 503.
    pub slowest_refusal: Duration,
}

/// A request that failed.
#[derive(Debug, Clone)]
pub struct FailedRequest {
    /// The time at which it was sent.
    pub begun: Instant,
    /// Its duration.
    pub took: Duration,
    /// The answer or error.
    pub what: String,
    /// Whether callers have to expect it: no answer or 503, but not 500, for example.
    pub expected: bool,
}

impl Org {
    pub(super) fn new(admin: Api) -> Self {
        Self {
            admin,
            hot: Mutex::default(),
            all: Mutex::default(),
            nameless: Mutex::default(),
        }
    }

    /// Makes `item` available to callers.
    pub(super) fn add(&self, item: Arc<Item>) {
        self.all.lock().unwrap().push(item.clone());
        self.hot.lock().unwrap().push(item);
    }

    pub(super) fn some_item(&self, random: &mut fastrand::Rng) -> Option<Arc<Item>> {
        random.choice(self.hot.lock().unwrap().iter()).cloned()
    }

    /// Makes callers stop using `item`.
    pub(super) fn retire(&self, item: &Arc<Item>) {
        let mut hot = self.hot.lock().unwrap();
        hot.retain(|other| !Arc::ptr_eq(other, item));
    }
}

impl Item {
    pub(super) fn new(id: String, label: String, created: Call) -> Arc<Self> {
        let calls = Mutex::new(vec![created]);
        Arc::new(Self { id, label, calls })
    }

    /// Records a call; returns whether further calls are allowed.
    pub(super) fn note(&self, call: Call) -> bool {
        let mut calls = self.calls.lock().unwrap();
        calls.push(call);
        let unknown = calls.iter().filter(|call| call.ended.is_none()).count();
        calls.len() < CALLS && unknown < UNKNOWN
    }
}

impl Journal {
    pub(super) fn new(orgs: Vec<Org>, servers: &[String]) -> Self {
        Self {
            orgs,
            servers: Mutex::new(servers.to_vec()),
            stopped: AtomicBool::new(false),
            next: AtomicU64::new(1),
            counts: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    pub(super) fn use_servers(&self, servers: &[String]) {
        *self.servers.lock().unwrap() = servers.to_vec();
    }

    pub(super) fn some_server(&self, random: &mut fastrand::Rng) -> String {
        let servers = self.servers.lock().unwrap();
        servers[random.usize(..servers.len())].clone()
    }

    /// A unique number.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, add: impl FnOnce(&mut Counts)) {
        add(&mut self.counts.lock().unwrap());
    }

    pub(super) fn counts(&self) -> Counts {
        *self.counts.lock().unwrap()
    }

    pub(super) fn add_failure(&self, failure: FailedRequest) {
        self.failures.lock().unwrap().push(failure);
    }

    pub(super) fn failed_requests(&self) -> Vec<FailedRequest> {
        self.failures.lock().unwrap().clone()
    }

    /// The failed request that began last, if it began after `since`.
    pub(super) fn last_failure_after(&self, since: Instant) -> Option<FailedRequest> {
        let failures = self.failures.lock().unwrap();
        let later = failures.iter().filter(|failure| failure.begun > since);
        later.max_by_key(|failure| failure.begun).cloned()
    }
}
