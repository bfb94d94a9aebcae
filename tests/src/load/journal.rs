use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::{Api, Call};

/// Most calls on one credential: it then is left alone, since longer histories take long to judge.
const CALLS: usize = 60;
/// Most calls on one credential of which nobody knows the outcome, for the same reason.
const UNKNOWN: usize = 4;

/// What all callers write down together.
pub(super) struct Journal {
    pub(super) orgs: Vec<Org>,
    servers: Mutex<Vec<String>>,
    stopped: AtomicBool,
    next: AtomicU64,
    counts: Mutex<Counts>,
    troubles: Mutex<Vec<Trouble>>,
}

/// An organization and its credentials.
pub(super) struct Org {
    pub(super) admin: Api,
    /// Those that callers go on with.
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

/// A credential whose creation was not.
#[derive(Debug, Clone)]
pub(super) struct Nameless {
    pub(super) label: String,
    pub(super) secret: u64,
    /// Whether it may be there all the same.
    pub(super) possible: bool,
}

/// How much was done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Operations that were carried out.
    pub done: usize,
    /// Writes among them.
    pub written: usize,
    /// Requests that were refused: nothing was done.
    pub refused: usize,
    /// Writes of which nobody knows.
    pub unknown: usize,
    /// Credentials whose creation was acknowledged.
    pub created: usize,
    /// The longest time that a 503 took.
    pub slowest_refusal: Duration,
}

/// A request without the answer that was hoped for.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// When it was sent.
    pub begun: Instant,
    /// How long it took.
    pub took: Duration,
    /// What came instead.
    pub what: String,
    /// No answer, or 503, as anybody has to expect at times; and not, for example, 500.
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

    /// From now on callers use `item`.
    pub(super) fn add(&self, item: Arc<Item>) {
        self.all.lock().unwrap().push(item.clone());
        self.hot.lock().unwrap().push(item);
    }

    pub(super) fn some_item(&self, random: &mut fastrand::Rng) -> Option<Arc<Item>> {
        random.choice(self.hot.lock().unwrap().iter()).cloned()
    }

    /// From now on callers leave `item` alone.
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

    /// Notes a call; whether there may be more.
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
            troubles: Mutex::default(),
        }
    }

    pub(super) fn use_servers(&self, servers: &[String]) {
        *self.servers.lock().unwrap() = servers.to_vec();
    }

    pub(super) fn some_server(&self, random: &mut fastrand::Rng) -> String {
        let servers = self.servers.lock().unwrap();
        servers[random.usize(..servers.len())].clone()
    }

    /// A number that nobody else gets.
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

    pub(super) fn trouble(&self, trouble: Trouble) {
        self.troubles.lock().unwrap().push(trouble);
    }

    pub(super) fn troubles(&self) -> Vec<Trouble> {
        self.troubles.lock().unwrap().clone()
    }

    /// The one that was begun last, if that was after `since`.
    pub(super) fn last_trouble_after(&self, since: Instant) -> Option<Trouble> {
        let troubles = self.troubles.lock().unwrap();
        let later = troubles.iter().filter(|trouble| trouble.begun > since);
        later.max_by_key(|trouble| trouble.begun).cloned()
    }
}
