//! Black-box tests against the real binary and a real PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot continue fails at that point"
)]

mod api_only;
mod audit;
mod audit_details;
mod audit_heads;
mod audit_prune;
mod audit_prune_safety;
mod audit_rollback;
mod audit_roots;
mod audit_tampering;
mod backup;
mod backup_conflicts;
mod backup_refusals;
mod batches;
mod command_line;
mod compose;
mod conditions;
mod config;
mod contention;
mod deployment;
mod dev;
mod dev_regions;
mod doctor;
mod failover;
mod faults;
mod first_start;
mod forward_only;
mod generated_clients;
mod goes_on;
mod hangup;
mod harness;
mod health;
mod hostile;
mod house;
mod idempotency;
mod installation;
mod isolation;
mod keys;
mod last_use;
mod layers;
mod limits;
mod metrics;
mod migrating;
mod oauth;
mod openapi;
mod organizations;
mod pieces;
mod pieces_clients;
mod pooler;
mod protocol;
mod recorded;
mod refusals;
mod regions;
mod regions_faults;
mod regions_reads;
mod request_log;
mod restoring;
mod rotation;
mod safe;
mod scrub;
mod secrecy;
mod serving;
mod sharded;
mod state_rollback;
mod statements;
mod tampering;
mod tls;
mod traces;
mod unknown_outcome;
mod upgrading;
mod workspace;
