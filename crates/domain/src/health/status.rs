//! Snapshots of queues and connection pools.

use crate::health::histogram::Distribution;

/// A snapshot of a store's queues and connection pools.
#[derive(Debug, Default)]
pub struct StoreStatus {
    /// The queues in front of the batch transactions.
    pub queues: Vec<QueueStatus>,
    /// The connection pools.
    pub pools: Vec<PoolStatus>,
}

/// A snapshot of a queue in front of a worker.
#[derive(Debug)]
pub struct QueueStatus {
    /// The name of the queue.
    pub name: &'static str,
    /// The number of waiting requests.
    pub waiting: usize,
    /// The maximum number of waiting requests.
    pub capacity: usize,
    /// The number of requests that were refused because the queue was full.
    pub refused: u64,
    /// The distribution of requests per batch.
    pub sizes: Distribution,
    /// The distribution of the duration of batches, in microseconds.
    pub times: Distribution,
}

/// A snapshot of a pool of connections to a database.
#[derive(Debug)]
pub struct PoolStatus {
    /// The name of the pool.
    pub name: &'static str,
    /// The maximum number of connections.
    pub limit: usize,
    /// The number of open connections.
    pub size: usize,
    /// The number of idle connections.
    pub idle: usize,
    /// The number of requests that wait for a connection.
    pub waiting: usize,
}
