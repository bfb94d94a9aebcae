//! The harness of the black-box tests: one private PostgreSQL per test process, a database cloned
//! from a migrated template per test, and the real binary on a free port.
//!
//! Files name the module that they import from, never this root, so that imports form no circle.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot continue fails at that point"
)]

mod api;
mod backup;
mod balancer;
mod binary;
mod browser;
pub mod citus;
mod clients;
mod cluster;
mod collector;
mod command;
mod connection;
mod deployment;
mod envelope;
mod fault;
mod history;
mod load;
mod organizations;
mod outage;
mod postgres;
mod proxy;
mod raw;
mod regions;
mod scrape;
mod server;
mod small_disk;
mod stage;
mod test_api;
mod vault;
mod waiting;

pub use api::{Api, CREDENTIALS, api_key};
pub use backup::Backup;
pub use balancer::Balancer;
pub use binary::strongroom_binary;
pub use browser::{Browser, BrowserSettings};
pub use clients::clients;
pub use cluster::{OwnCluster, Standby};
pub use collector::{Collector, Span};
pub use command::{Finished, run};
pub use deployment::{Deployment, REGIONS, folder as deploy_folder};
pub use envelope::{Failure, failure};
pub use fault::Fault;
pub use history::{Answer, Call, Op, is_linearizable};
pub use load::{Checked, Counts, FailedRequest, Load, LoadSettings};
pub use outage::Outage;
pub use postgres::{Database, cluster_url};
pub use proxy::Proxy;
pub use raw::{Raw, exchange};
pub use regions::{TestRegion, TestRegions};
pub use scrape::Scrape;
pub use server::{Server, refusal};
pub use small_disk::SmallDisk;
pub use stage::Stage;
pub use test_api::TestApi;
pub use vault::TestVault;
pub use waiting::eventually;
