use strongroom_pgdev::{Binaries, Cluster, ClusterConfig, PrimaryServer};

use super::folder::{DevFolder, password};
use super::supervised::Supervised;
use crate::error::CommandError;

/// The servers of the primary and of five regions together use about 150 connections to the
/// primary, and a standby that is being created uses two WAL senders.
const SETTINGS: [(&str, &str); 2] = [("max_connections", "300"), ("max_wal_senders", "20")];

/// The primary PostgreSQL of the instance.
pub(super) struct PrivateCluster {
    binaries: Binaries,
    superuser_password: String,
    replication_password: String,
    /// The server itself.
    pub(super) server: Supervised,
}

impl PrivateCluster {
    /// Starts PostgreSQL in `folder`, and creates it there first if necessary.
    pub(super) fn start(folder: &DevFolder) -> Result<Self, CommandError> {
        let binaries = Binaries::find()?;
        let mut memory = folder.load()?;
        let mut config = ClusterConfig {
            data: folder.cluster(),
            log: folder.cluster_log(),
            superuser_password: memory.postgres_password.clone(),
            port: memory.port,
            settings: settings(),
        };
        if !config.data.exists() {
            tracing::info!(folder = %config.data.display(), "creating a private PostgreSQL");
        }
        let cluster = Cluster::start(&binaries, config.clone())?;
        config.port = Some(cluster.port());
        if memory.port != config.port || memory.replication_password.is_none() {
            memory.port = config.port;
            memory.replication_password.get_or_insert(password()?);
            folder.store(&memory)?;
        }
        let programs = binaries.clone();
        Ok(Self {
            binaries,
            superuser_password: memory.postgres_password,
            replication_password: memory.replication_password.unwrap_or_default(),
            server: Supervised::new("PostgreSQL".into(), cluster, move || {
                Cluster::start(&programs, config.clone())
            }),
        })
    }

    /// PostgreSQL's programs.
    pub(super) fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// The superuser's password, here and in every standby.
    pub(super) fn superuser_password(&self) -> &str {
        &self.superuser_password
    }

    /// The primary, as standbys connect to it. Creates the role that they use.
    pub(super) fn as_primary(&self) -> Result<PrimaryServer, CommandError> {
        let password = &self.replication_password;
        self.server.cluster()?.allow_replication(password)?;
        Ok(PrimaryServer {
            port: self.server.port(),
            replication_password: password.clone(),
        })
    }

    /// A URL for the superuser.
    pub(super) fn superuser_url(&self, database: &str) -> String {
        self.superuser_url_at(self.server.port(), database)
    }

    /// A URL for the superuser at the standby on `port`.
    pub(super) fn superuser_url_at(&self, port: u16, database: &str) -> String {
        url("postgres", &self.superuser_password, port, database)
    }

    /// A URL for another role.
    pub(super) fn url(&self, role: &str, password: &str, database: &str) -> String {
        url(role, password, self.server.port(), database)
    }
}

/// Settings of the primary, and of standbys, whose values must not be lower.
pub(super) fn settings() -> Vec<(String, String)> {
    SETTINGS
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

/// A URL on this machine.
pub(super) fn url(role: &str, password: &str, port: u16, database: &str) -> String {
    format!("postgresql://{role}:{password}@127.0.0.1:{port}/{database}")
}
