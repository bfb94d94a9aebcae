//! PostgreSQL implementation of the domain's ports. It handles sealed bytes only, and has no keys.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod advisory_lock;
mod backup;
mod batch;
mod connect;
mod credential_rows;
pub mod doctor;
mod notify;
mod pg_time;
mod policy_rows;
mod quote;
mod regions;
mod rows;
mod schema;
pub mod sql;
mod store;
mod transaction;
mod writes;

pub use crate::advisory_lock::WorkLock;
pub use crate::backup::SCHEMA_VERSION;
pub use crate::backup::snapshot::PgBackupSource;
pub use crate::backup::target::PgRestoreTarget;
pub use crate::connect::certificate::explain_tls;
pub use crate::connect::database::Database;
pub use crate::connect::error::ConnectError;
pub use crate::connect::pooling::check_pooling;
pub use crate::connect::settings::DatabaseSettings;
pub use crate::connect::tls::PeerCertificate;
pub use crate::connect::url::{DatabaseUrl, UrlError};
pub use crate::notify::RevocationListener;
pub use crate::regions::{RegionSettings, RegionsSettings, WatchedRegions};
pub use crate::schema::migrate::{
    Migrated, SchemaState, ensure_database, migrate, pending_migrations, schema_state,
};
pub use crate::schema::partitions::{PartitionMaintainer, ensure_audit_partitions};
pub use crate::schema::roles::{AppRole, check_serving_role, grant_app_role};
pub use crate::store::PgStore;
