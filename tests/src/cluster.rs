use std::path::Path;
use std::time::Duration;

use strongroom_pgdev::{Binaries, Cluster, ClusterConfig, PrimaryServer, StandbyConfig};
use tempfile::TempDir;

use crate::connection::migrate;
use crate::postgres::{Database, PASSWORD};
use crate::proxy::Proxy;
use crate::waiting::eventually;

const PATIENCE: Duration = Duration::from_secs(30);

/// A PostgreSQL that one test owns: it runs with `fsync`, and the test may stop and kill it.
pub struct OwnCluster {
    config: ClusterConfig,
    running: Option<Cluster>,
    port: u16,
    folder: TempDir,
}

impl OwnCluster {
    /// A running server with a migrated database.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A running server with a migrated database and `further` settings.
    pub async fn start_with(further: &[(&str, &str)]) -> Self {
        let mut own = Self::stopped(further);
        own.resume();
        migrate(own.database().superuser_url()).await;
        own
    }

    /// A server with an empty folder; [`Self::resume`] starts it on the folder's contents.
    pub(crate) fn stopped(further: &[(&str, &str)]) -> Self {
        let folder = TempDir::with_prefix("strongroom-own-").unwrap();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let config = ClusterConfig {
            data: folder.path().join("postgres"),
            log: folder.path().join("postgres.log"),
            superuser_password: PASSWORD.into(),
            port: None,
            settings: settings()
                .into_iter()
                .chain(further.iter().map(owned))
                .collect(),
        };
        Self {
            config,
            running: None,
            port: 0,
            folder,
        }
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &Path {
        &self.config.data
    }

    /// Its database.
    #[must_use]
    pub fn database(&self) -> Database {
        let (name, port) = ("postgres".into(), self.port);
        Database::on(name, port)
    }

    /// The same database, through `proxy`.
    #[must_use]
    pub fn database_through(&self, proxy: &Proxy) -> Database {
        Database::on("postgres".into(), proxy.port())
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The id of its main process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        let running = self.running.as_ref();
        running.expect("PostgreSQL is not running").pid()
    }

    /// A superuser's connection to its database `name`.
    pub async fn connect_to(&self, name: &str) -> tokio_postgres::Client {
        Database::on(name.into(), self.port).connect().await
    }

    /// The folder that contains everything that the server has written.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a standby of this server; `name` consists of a-z, 0-9, `-` and `_`.
    #[must_use]
    pub fn standby(&self, name: &str) -> Standby {
        let primary = self.running.as_ref();
        let primary = primary.expect("the primary is not running");
        primary.allow_replication(PASSWORD).unwrap();
        Standby::start_of(self.port, name)
    }

    /// Starts it again, on the port it had.
    pub fn resume(&mut self) {
        let binaries = Binaries::find().unwrap();
        let cluster = Cluster::start(&binaries, self.config.clone()).unwrap();
        assert!(
            [0, cluster.port()].contains(&self.port),
            "the port is taken"
        );
        self.port = cluster.port();
        self.config.port = Some(self.port);
        self.running = Some(cluster);
    }

    /// Shuts it down.
    pub fn stop(&mut self) {
        self.running.take().unwrap().stop(PATIENCE).unwrap();
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.running.take().unwrap().kill();
    }
}

/// A hot standby, which the test may pause, stop, kill, promote and disconnect.
pub struct Standby {
    config: StandbyConfig,
    running: Option<Cluster>,
    port: u16,
    /// The proxy through which it follows its primary.
    pub to_primary: Proxy,
    /// The proxy through which servers connect to it, see [`Standby::database_behind_proxy`].
    pub to_standby: Proxy,
    _folder: TempDir,
}

impl Standby {
    fn start_of(primary: u16, name: &str) -> Self {
        let folder = TempDir::with_prefix("strongroom-standby-").unwrap();
        let to_primary = Proxy::to(primary);
        let config = StandbyConfig {
            name: name.to_owned(),
            server: ClusterConfig {
                data: folder.path().join("postgres"),
                log: folder.path().join("postgres.log"),
                superuser_password: PASSWORD.into(),
                port: None,
                settings: settings(),
            },
            primary: PrimaryServer {
                port: to_primary.port(),
                replication_password: PASSWORD.into(),
            },
        };
        let (running, unusable) =
            Cluster::start_following(&Binaries::find().unwrap(), config.clone()).unwrap();
        assert_eq!(unusable, None);
        let port = running.port();
        let mut standby = Self {
            config,
            running: Some(running),
            port,
            to_primary,
            to_standby: Proxy::to(port),
            _folder: folder,
        };
        standby.config.server.port = Some(port);
        standby
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Its database.
    #[must_use]
    pub fn database(&self) -> Database {
        let (name, port) = ("postgres".into(), self.port);
        Database::on(name, port)
    }

    /// The same database, through `to_standby`.
    #[must_use]
    pub fn database_behind_proxy(&self) -> Database {
        let (name, port) = ("postgres".into(), self.to_standby.port());
        Database::on(name, port)
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The superuser's URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.database().superuser_url()
    }

    /// The id of its main process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.running().pid()
    }

    /// Pauses replay, and returns once it is paused. The standby still receives WAL.
    pub async fn pause_replay(&self) {
        let client = self.database().connect().await;
        let pause = "select pg_wal_replay_pause()";
        client.batch_execute(pause).await.unwrap();
        let state = "select pg_get_wal_replay_pause_state()";
        eventually("the replay is paused", PATIENCE, async || {
            let row = client.query_one(state, &[]).await.unwrap();
            row.get::<_, &str>(0) == "paused"
        })
        .await;
    }

    /// Resumes replay.
    pub async fn resume_replay(&self) {
        let client = self.database().connect().await;
        let resume = "select pg_wal_replay_resume()";
        client.batch_execute(resume).await.unwrap();
    }

    /// Starts it again, on the port it had.
    pub fn start(&mut self) {
        assert!(self.running.is_none(), "the standby is running");
        let binaries = Binaries::find().unwrap();
        let cluster = Cluster::start_standby(&binaries, self.config.clone()).unwrap();
        assert_eq!(cluster.port(), self.port, "the port is taken");
        self.running = Some(cluster);
    }

    /// Shuts it down.
    pub fn stop(&mut self) {
        self.running.take().unwrap().stop(PATIENCE).unwrap();
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.running.take().unwrap().kill();
    }

    /// Promotes it to a primary with a timeline of its own.
    pub fn promote(&self) {
        self.running().promote().unwrap();
    }

    fn running(&self) -> &Cluster {
        let running = self.running.as_ref();
        running.expect("the standby is not running")
    }
}

// Enough connections for several servers and their health checks.
fn settings() -> Vec<(String, String)> {
    vec![("max_connections".to_owned(), "300".to_owned())]
}
