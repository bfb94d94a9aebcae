//! The configuration of a standby, and the names that it shares with its primary.

use std::fmt;

use crate::cluster::ClusterConfig;

/// The role with which standbys replicate.
pub(crate) const REPLICATION_ROLE: &str = "replicator";
/// If its folder has this file, a server starts as a standby. Promotion removes the file.
pub(crate) const SIGNAL_FILE: &str = "standby.signal";

/// The server that a standby follows.
#[derive(Clone)]
pub struct PrimaryServer {
    /// The TCP port on 127.0.0.1.
    pub port: u16,
    /// The password that was passed to [`Cluster::allow_replication`].
    ///
    /// [`Cluster::allow_replication`]: crate::Cluster::allow_replication
    pub replication_password: String,
}

/// The configuration of a standby.
#[derive(Clone)]
pub struct StandbyConfig {
    /// The standby's `application_name` at the primary. With `-` replaced by `_`, it is the name of
    /// its replication slot there. 1 to 63 characters from a-z, 0-9, `-` and `_`.
    pub name: String,
    /// The standby's folder, log, preferred port and further settings. `superuser_password` must be
    /// that of the primary, and settings such as `max_connections` must not be lower than there.
    pub server: ClusterConfig,
    /// The server to follow.
    pub primary: PrimaryServer,
}

impl fmt::Debug for StandbyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandbyConfig")
            .field("name", &self.name)
            .field("server", &self.server)
            .field("primary", &self.primary.port)
            .finish_non_exhaustive()
    }
}
