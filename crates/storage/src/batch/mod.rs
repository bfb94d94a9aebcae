//! Shared transactions and look-ups: queues, workers, and what happens when a shard is unreachable.

pub(crate) mod fair_queue;
pub(crate) mod lookups;
pub(crate) mod oauth_lookups;
pub(crate) mod policy_lookups;
mod prepared;
pub(crate) mod queue;
pub(crate) mod reader;
pub(crate) mod reveal;
pub(crate) mod shard_fallback;
mod wakeups;
pub(crate) mod worker_thread;
pub(crate) mod writer;
