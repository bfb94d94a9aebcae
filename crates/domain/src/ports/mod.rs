//! The ports through which the vault uses a database, a clock and a backup file.

pub mod actor_names;
pub mod audit;
pub mod audit_roots;
pub mod backup;
pub mod clock;
pub mod committed;
pub mod console_sessions;
pub mod daily_totals;
pub mod egress;
pub mod error;
pub mod installation;
pub mod keys;
pub mod last_used;
pub mod lifecycle;
pub mod oauth;
pub mod organizations;
pub mod overview;
pub mod regions;
pub mod relay;
pub mod rotation;
pub mod scrub;
pub mod store;
