//! The harness of the black-box tests: one private PostgreSQL per test process, a database cloned from a
//! migrated template per test, and the real binary on a free port.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on shall fail where it stands"
)]

mod binary;
pub mod citus;
mod command;
mod envelope;
mod outage;
mod postgres;
mod raw;
mod server;
mod vault;

pub use binary::strongroom_binary;
pub use command::{Finished, run};
pub use envelope::{Failure, failure};
pub use outage::Outage;
pub use postgres::{Database, OwnCluster, cluster_url};
pub use raw::{Raw, exchange};
pub use server::{Server, eventually, refusal};
pub use vault::{Api, CREDENTIALS, TestVault, api_key};
