//! The state of the whole installation.

use chrono::{DateTime, Utc};

use crate::health::condition::ActiveCondition;
use crate::health::status::StoreStatus;
use crate::overview::LastScrub;
use crate::replication::RegionStatus;
use crate::rotation::{RootRotation, RunningServer};

/// The state of the installation, as one of its servers sees it.
#[derive(Debug)]
pub struct SystemStatus {
    /// The time for which it holds.
    pub at: DateTime<Utc>,
    /// The servers that reported within the last seconds, by name.
    pub servers: Vec<RunningServer>,
    /// The record format that servers write.
    pub record_format: i32,
    /// The replication status of each region.
    pub regions: Vec<RegionStatus>,
    /// The running rotations of the root key, newest first.
    pub root_rotations: Vec<RootRotation>,
    /// The number of running rotations of organizations' keys.
    pub rotations: usize,
    /// The last scrub of all organizations.
    pub scrub: LastScrub,
    /// The time of the newest signed root of all audit trails; `None` if there is none.
    pub newest_root_at: Option<DateTime<Utc>>,
    /// What only the server that was asked knows.
    pub this_server: ServerStatus,
}

/// The state of one server.
#[derive(Debug)]
pub struct ServerStatus {
    /// The version of its program.
    pub version: &'static str,
    /// The first expiry of the certificates that it presents; `None` without TLS.
    pub certificate_expires_at: Option<DateTime<Utc>>,
    /// Its active conditions, and those of its databases.
    pub conditions: Vec<ActiveCondition>,
    /// Its queues and connection pools.
    pub store: StoreStatus,
}
