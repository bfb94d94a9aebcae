//! Queues and connection pools at one moment.

use crate::health::histogram::Distribution;

/// How a store's queues and connections stand at one moment.
#[derive(Debug, Default)]
pub struct StoreStatus {
    /// The queues in front of the shared transactions.
    pub queues: Vec<QueueStatus>,
    /// The pools of connections.
    pub pools: Vec<PoolStatus>,
}

/// A queue in front of a worker.
#[derive(Debug)]
pub struct QueueStatus {
    /// What waits in it.
    pub name: &'static str,
    /// How many requests wait.
    pub waiting: usize,
    /// How many may.
    pub capacity: usize,
    /// Requests that were refused because it was full.
    pub refused: u64,
    /// Requests in each batch.
    pub sizes: Distribution,
    /// Time that each batch took, in microseconds.
    pub times: Distribution,
}

/// A pool of connections to a database.
#[derive(Debug)]
pub struct PoolStatus {
    /// What it is for.
    pub name: &'static str,
    /// Most connections.
    pub limit: usize,
    /// Connections there are.
    pub size: usize,
    /// Those of them that nobody uses.
    pub idle: usize,
    /// How many wait for one.
    pub waiting: usize,
}
