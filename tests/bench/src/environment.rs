//! The environment of all measurements: a private PostgreSQL, a root key and a temporary folder.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use strongroom_domain::audit::chain::Chain;
use strongroom_domain::crypto::{OsRandom, RootKey};
use strongroom_domain::keyring::sources::{RootKeySources, new_root_key};
use strongroom_domain::unlock;
use strongroom_domain::{Clock, SystemClock, Vault, VaultSettings};
use strongroom_pgdev::{Binaries, Cluster, ClusterConfig};
use strongroom_storage::migrate;
use strongroom_storage::{
    Database, DatabaseSettings, DatabaseUrl, PgStore, RegionsSettings, WatchedRegions,
    ensure_database, grant_app_role,
};
use tempfile::TempDir;

use crate::Result;

const PASSWORD: &str = "bench";
const APP_ROLE: &str = "strongroom_app";
/// The segments of 16 MiB in `min_wal_size`.
const LOG_SEGMENTS: usize = 512;

pub(crate) struct Environment {
    pub(crate) binaries: Binaries,
    cluster: Cluster,
    root_key: RootKey,
    folder: TempDir,
}

impl Environment {
    /// Starts PostgreSQL with full durability, and creates the root key.
    pub(crate) fn start() -> Result<Self> {
        let folder = TempDir::with_prefix("strongroom-bench-")?;
        let binaries = Binaries::find()?;
        let settings = [
            ("fsync", "on"),
            ("synchronous_commit", "on"),
            ("shared_buffers", "1GB"),
            ("max_wal_size", "8GB"),
            ("min_wal_size", "8GB"),
            ("max_connections", "200"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = ClusterConfig {
            data: folder.path().join("postgres"),
            log: folder.path().join("postgres.log"),
            superuser_password: PASSWORD.into(),
            port: None,
            settings: settings.to_vec(),
        };
        let cluster = Cluster::start(&binaries, config)?;
        let root_key = new_root_key(&OsRandom)?;
        let file = folder.path().join("root.key");
        std::fs::write(&file, root_key.to_text().expose())?;
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        Ok(Self {
            binaries,
            cluster,
            root_key,
            folder,
        })
    }

    /// Fills as many segments of the log as are kept, so that they are used again. A new cluster
    /// writes each segment twice, first with zeros, and all commits wait meanwhile; one that has
    /// run for a while does not.
    pub(crate) async fn fill_log(&self) -> Result<()> {
        let client = self.connect("postgres").await?;
        let fill = "select pg_logical_emit_message(false, '', ''); select pg_switch_wal()";
        for _ in 0..LOG_SEGMENTS {
            client.batch_execute(fill).await?;
        }
        Ok(client.batch_execute("checkpoint").await?)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn root_key_file(&self) -> PathBuf {
        self.path("root.key")
    }

    /// The process number of PostgreSQL's main process.
    pub(crate) fn postmaster(&self) -> u32 {
        self.cluster.pid()
    }

    pub(crate) fn superuser_url(&self, database: &str) -> String {
        self.cluster.url(database)
    }

    pub(crate) fn app_url(&self, database: &str) -> String {
        let port = self.cluster.port();
        format!("postgresql://{APP_ROLE}:{PASSWORD}@127.0.0.1:{port}/{database}")
    }

    /// A connection as superuser.
    pub(crate) async fn connect(&self, database: &str) -> Result<tokio_postgres::Client> {
        let url = self.superuser_url(database);
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Creates and migrates an empty database.
    pub(crate) async fn create_database(&self, name: &str) -> Result<()> {
        let server = Database::new(&settings(&self.superuser_url("postgres"))?)?;
        ensure_database(&server, name).await?;
        let owner = Database::new(&settings(&self.superuser_url(name))?)?;
        migrate(&owner).await?;
        grant_app_role(&owner, APP_ROLE, Some(PASSWORD)).await?;
        Ok(())
    }

    /// A vault on a database, within this process.
    pub(crate) async fn vault(&self, database: &str) -> Result<Arc<Vault>> {
        let settings = settings(&self.app_url(database))?;
        let database = Database::new(&settings)?;
        let sources = RootKeySources {
            keys: vec![self.root_key.clone()],
            ..RootKeySources::default()
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let random = Arc::new(OsRandom);
        let keys = unlock(&database, &sources, clock.now(), &*random).await?;
        let chain = Chain::new(keys.1.audit.clone());
        let regions = WatchedRegions::start(RegionsSettings::default(), &database, &settings)?;
        let root_store = Arc::new(database.clone());
        let store = PgStore::start(database, None, chain, clock.clone(), random.clone())?;
        let settings = VaultSettings::default();
        let (store, regions) = (Arc::new(store), Arc::new(regions));
        let vault = Vault::new(store, root_store, regions, keys, clock, random, settings);
        Ok(Arc::new(vault))
    }
}

fn settings(url: &str) -> Result<DatabaseSettings> {
    Ok(DatabaseSettings {
        url: DatabaseUrl::parse(url)?,
        pool_size: 16,
        connect_timeout: Duration::from_secs(3),
        statement_timeout: Duration::from_secs(60),
    })
}

/// Vacuums and analyzes all tables of a database.
pub(crate) async fn vacuum(client: &tokio_postgres::Client) -> Result<()> {
    Ok(client.batch_execute("vacuum (analyze)").await?)
}

/// Vacuums a database that was just filled, and writes its pages to disk.
pub(crate) async fn settle(client: &tokio_postgres::Client) -> Result<()> {
    vacuum(client).await?;
    Ok(client.batch_execute("checkpoint").await?)
}
