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
mod contention;
mod credentials;
mod pieces;
mod pieces_clients;
mod workspace;
