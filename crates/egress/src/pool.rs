use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::thread::{self, ThreadId};
use std::time::Duration;

use parking_lot::Mutex;
use strongroom_domain::host_name::HostName;
use tokio::time::Instant;

use crate::connector::Sender;

/// Longest life of a connection, after which the name's addresses and certificate are checked anew.
const MAX_AGE: Duration = Duration::from_secs(300);
/// Longest time for which a connection stays unused.
const MAX_IDLE: Duration = Duration::from_secs(60);
/// Most unused connections of a thread to a host's address.
const MAX_IDLE_PER_HOST: usize = 64;
/// Most unused connections.
const MAX_IDLE_IN_ALL: usize = 512;

/// Connections that are open and unused.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    by_key: HashMap<Key, Vec<Unused>>,
    count: usize,
}

/// Where a connection leads, and the thread whose runtime it lives on. A request uses only a
/// connection to an address that its own resolution of the name yielded, and one of its own
/// thread: no other thread has to wake for it, or can stop while it is in use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) address: SocketAddr,
    pub(crate) host: HostName,
    thread: ThreadId,
}

impl Key {
    /// The key of connections of the current thread.
    pub(crate) fn here(address: SocketAddr, host: HostName) -> Self {
        let thread = thread::current().id();
        Self {
            address,
            host,
            thread,
        }
    }
}

/// A connection, and when it was opened.
pub(crate) struct Pooled {
    pub(crate) sender: Sender,
    pub(crate) key: Key,
    pub(crate) opened: Instant,
}

struct Unused {
    sender: Sender,
    opened: Instant,
    since: Instant,
}

impl Pool {
    /// An unused connection of this thread to `host` at one of `addresses`, the one used last.
    pub(crate) fn take(&self, host: &HostName, addresses: &[IpAddr], port: u16) -> Option<Pooled> {
        let mut idle = self.idle.lock();
        for address in addresses {
            let key = Key::here(SocketAddr::new(*address, port), host.clone());
            while let Some(unused) = idle.by_key.get_mut(&key).and_then(Vec::pop) {
                idle.count -= 1;
                if unused.is_usable() {
                    return Some(Pooled {
                        sender: unused.sender,
                        key,
                        opened: unused.opened,
                    });
                }
            }
            idle.by_key.remove(&key);
        }
        None
    }

    /// Keeps a connection whose answer has ended.
    pub(crate) fn put(&self, pooled: Pooled) {
        let unused = Unused {
            sender: pooled.sender,
            opened: pooled.opened,
            since: Instant::now(),
        };
        let mut idle = self.idle.lock();
        if !unused.is_usable() || idle.count >= MAX_IDLE_IN_ALL {
            return;
        }
        let of_key = idle.by_key.entry(pooled.key).or_default();
        if of_key.len() < MAX_IDLE_PER_HOST {
            of_key.push(unused);
            idle.count += 1;
        }
    }

    /// Closes connections that may no longer be used.
    pub(crate) fn sweep(&self) {
        let mut idle = self.idle.lock();
        idle.by_key.retain(|_, unused| {
            unused.retain(Unused::is_usable);
            !unused.is_empty()
        });
        idle.count = idle.by_key.values().map(Vec::len).sum();
    }
}

impl Unused {
    fn is_usable(&self) -> bool {
        let fresh = self.opened.elapsed() < MAX_AGE && self.since.elapsed() < MAX_IDLE;
        fresh && !self.sender.is_closed()
    }
}
