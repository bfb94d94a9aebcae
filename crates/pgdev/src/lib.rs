//! A private PostgreSQL in a folder, for development and tests.
//!
//! [`Binaries::find`] looks up an installed PostgreSQL, [`Cluster::start`] makes a database
//! cluster in a folder and runs it on a free port of 127.0.0.1, [`Cluster::start_standby`] does
//! the same for a hot standby of another one. The server never outlives the
//! program that started it, however that program ends (on Linux, where `setpriv` is installed).
//!
//! Everything here blocks; call it from a thread that may wait.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod binaries;
mod client;
mod cluster;
mod error;
mod folder;
mod fresh;
mod initdb;
mod launcher;
mod log;
mod postmaster;
mod process;
mod programs;
mod slots;
mod standby;
mod start;

pub use binaries::Binaries;
pub use cluster::{Cluster, ClusterConfig};
pub use error::PgError;
pub use slots::Unusable;
pub use standby::{PrimaryServer, StandbyConfig, remove_standby};
