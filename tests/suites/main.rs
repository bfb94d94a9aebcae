//! Black-box tests against the real binary and a real PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on shall fail where it stands"
)]

mod audit;
mod audit_heads;
mod audit_prune;
mod audit_prune_safety;
mod audit_tampering;
mod authorization;
mod batches;
mod blobs;
mod bodies;
mod changes;
mod config;
mod contention;
mod crash;
mod credentials;
mod deleting;
mod dev;
mod first_start;
mod headers;
mod isolation;
mod keys;
mod last_use;
mod listing;
mod migrating;
mod organizations;
mod pieces;
mod pieces_clients;
mod recorded;
mod refusals;
mod rotation;
mod scrub;
mod secrecy;
mod serving;
mod sharded;
mod statements;
mod tampering;
mod unknown_outcome;
mod workspace;
