//! The harness of the black-box tests: one private PostgreSQL per test process, a database cloned from a
//! migrated template per test, and the real binary on a free port.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on shall fail where it stands"
)]

mod backup;
mod balancer;
mod binary;
pub mod citus;
mod clients;
mod cluster;
mod collector;
mod command;
mod deployment;
mod envelope;
mod fault;
mod history;
mod load;
mod outage;
mod postgres;
mod proxy;
mod raw;
mod regions;
mod scrape;
mod server;
mod stage;
mod vault;

pub use backup::Backup;
pub use balancer::Balancer;
pub use binary::strongroom_binary;
pub use clients::clients;
pub use cluster::{OwnCluster, Standby};
pub use collector::{Collector, Span};
pub use command::{Finished, run};
pub use deployment::{Deployment, REGIONS, folder as deploy_folder};
pub use envelope::{Failure, failure};
pub use fault::Fault;
pub use history::{Call, Op, Told, is_linearizable};
pub use load::{Checked, Counts, Load, LoadSettings, Trouble};
pub use outage::Outage;
pub use postgres::{Database, cluster_url};
pub use proxy::Proxy;
pub use raw::{Raw, exchange};
pub use regions::{TestRegion, TestRegions};
pub use scrape::Scrape;
pub use server::{Server, eventually, refusal};
pub use stage::{SmallDisk, Stage};
pub use vault::{Api, CREDENTIALS, TestVault, api_key};
