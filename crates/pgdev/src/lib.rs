//! A private PostgreSQL in a folder, for development and tests.
//!
//! [`Binaries::find`] finds an installed PostgreSQL. [`Cluster::start`] creates a database cluster
//! in a folder and runs its server on a free port of 127.0.0.1. [`Cluster::start_standby`] does the
//! same for a hot standby of another cluster. A server never outlives the program that started it,
//! even if that program is killed (on Linux, if `setpriv` is installed).
//!
//! All functions block the calling thread.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod binaries;
mod client;
mod cluster;
mod create;
mod error;
mod folder;
mod initdb;
mod launcher;
mod log;
mod postmaster;
mod process;
mod programs;
mod slots;
mod standby;
mod standby_config;
mod start;
mod wait;

pub use binaries::Binaries;
pub use cluster::{Cluster, ClusterConfig};
pub use error::PgError;
pub use slots::Unusable;
pub use standby::remove_standby;
pub use standby_config::{PrimaryServer, StandbyConfig};
