//! PostgreSQL behind the domain's ports. Holds sealed bytes only: this crate has no key that opens one.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod administration;
mod aside;
mod audit;
mod audit_pruner;
mod audit_reader;
mod audit_store;
mod backup;
mod database;
pub mod doctor;
mod error;
mod gather;
mod generations;
mod last_use;
mod listen;
mod listing;
mod look;
mod migrate;
mod operations;
mod pg_store;
mod reader;
mod regions;
mod roles;
mod root_keys;
mod rotation_store;
mod rows;
mod scrub;
mod scrub_lock;
pub mod sql;
mod statement;
mod store;
mod tls;
mod tracking;
mod transaction;
mod url;
mod watched;
mod worker_thread;
mod writer;

pub use backup::{PgBackupSource, PgRestoreTarget, SCHEMA_VERSION};
pub use database::{Database, DatabaseSettings};
pub use error::ConnectError;
pub use listen::{PartitionKeeper, RevocationListener, ensure_audit_partitions};
pub use migrate::{
    Migrated, SchemaState, ensure_database, migrate, pending_migrations, schema_state,
};
pub use pg_store::PgStore;
pub use regions::{RegionSettings, RegionsSettings, WatchedRegions};
pub use roles::{AppRole, check_serving_role, grant_app_role};
pub use scrub_lock::ScrubLock;
pub use tls::PeerCertificate;
pub use url::{DatabaseUrl, UrlError};
