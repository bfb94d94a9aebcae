use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use strongroom_pgdev::{Binaries, Cluster, ClusterConfig};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::citus;
use crate::connection::{APP_PASSWORD, APP_ROLE, connect, migrate, sql};

pub(crate) const PASSWORD: &str = "superuser-of-the-tests";
const TEMPLATE: &str = "strongroom_template";

struct Shared {
    cluster: Cluster,
    _folder: TempDir,
}

const FOLDER: &str = "strongroom-tests-";

// Never dropped: PostgreSQL ends with the process that started it, and a later run removes the
// folder.
fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        remove_folders_of_ended_runs();
        let folder = TempDir::with_prefix(format!("{FOLDER}{}-", std::process::id())).unwrap();
        let config = ClusterConfig {
            data: folder.path().join("postgres"),
            log: folder.path().join("postgres.log"),
            superuser_password: PASSWORD.into(),
            port: None,
            settings: [("fsync", "off"), ("max_connections", "500")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
        };
        let cluster = Cluster::start(&Binaries::find().unwrap(), config).unwrap();
        Shared {
            cluster,
            _folder: folder,
        }
    })
}

fn remove_folders_of_ended_runs() {
    for entry in std::fs::read_dir(std::env::temp_dir()).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let run = name
            .strip_prefix(FOLDER)
            .and_then(|rest| rest.split_once('-'));
        let process = run.and_then(|(process, _)| process.parse::<u32>().ok());
        if process.is_some_and(|id| !std::fs::exists(format!("/proc/{id}")).unwrap()) {
            // Another account may own it.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The superuser's URL of a database in the shared cluster.
pub fn cluster_url(database: &str) -> String {
    shared().cluster.url(database)
}

/// A migrated database that one test owns.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its name.
    pub name: String,
    home: Home,
}

#[derive(Debug, Clone)]
enum Home {
    /// A PostgreSQL that this process has started.
    Private { port: u16 },
    /// The given cluster; the database is dropped with the last clone of this.
    Given(Arc<citus::Lease>),
}

static NEXT: AtomicU32 = AtomicU32::new(1);

impl Database {
    /// The database `name` in a PostgreSQL on `port` that one test owns.
    pub(crate) fn on(name: String, port: u16) -> Self {
        let home = Home::Private { port };
        Self { name, home }
    }

    /// Clones the template. Where a cluster is given, the database is sharded over it.
    pub async fn create() -> Self {
        if citus::url().is_some() {
            return Self::given(citus::Lease::migrated(&numbered()).await);
        }
        Self::create_unsharded().await
    }

    /// Clones the template in the PostgreSQL of this process, also where a cluster is given. A test
    /// says with this that it needs what a sharded cluster has not: triggers on all tables, scripts
    /// of several commands, roles of its own.
    pub async fn create_unsharded() -> Self {
        static TEMPLATE_READY: OnceCell<()> = OnceCell::const_new();
        TEMPLATE_READY.get_or_init(make_template).await;
        let name = numbered();
        sql(
            &cluster_url("postgres"),
            &format!("create database {name} template {TEMPLATE}"),
        )
        .await;
        Self::private(name)
    }

    /// Creates a database without tables.
    pub async fn create_empty(name: &str) -> Self {
        if citus::url().is_some() {
            return Self::given(citus::Lease::empty(name).await);
        }
        Self::create_empty_unsharded(name).await
    }

    /// Creates a database without tables in the PostgreSQL of this process.
    pub async fn create_empty_unsharded(name: &str) -> Self {
        sql(&cluster_url("postgres"), &format!("create database {name}")).await;
        Self::private(name.into())
    }

    fn private(name: String) -> Self {
        Self::on(name, shared().cluster.port())
    }

    fn given(lease: citus::Lease) -> Self {
        Self {
            name: lease.name().to_owned(),
            home: Home::Given(Arc::new(lease)),
        }
    }

    /// The superuser's URL.
    #[must_use]
    pub fn superuser_url(&self) -> String {
        match &self.home {
            Home::Private { .. } => self.url_as("postgres", PASSWORD),
            Home::Given(lease) => lease.superuser_url(),
        }
    }

    /// The application role's URL.
    #[must_use]
    pub fn app_url(&self) -> String {
        self.url_as(APP_ROLE, APP_PASSWORD)
    }

    /// Another role's URL.
    #[must_use]
    pub fn url_as(&self, role: &str, password: &str) -> String {
        match &self.home {
            Home::Private { port } => {
                format!(
                    "postgresql://{role}:{password}@127.0.0.1:{port}/{}",
                    self.name
                )
            }
            Home::Given(lease) => lease.url_as(role, password),
        }
    }

    /// The application role's URL with `port` on this machine as a second host.
    #[must_use]
    pub fn app_url_with(&self, port: u16) -> String {
        let url = self.app_url();
        let (before, name) = url.rsplit_once('/').unwrap();
        format!("{before},127.0.0.1:{port}/{name}")
    }

    pub(crate) fn is_sharded(&self) -> bool {
        matches!(self.home, Home::Given(_))
    }

    /// The database's lease on the given cluster.
    ///
    /// # Panics
    /// If no cluster is given.
    #[must_use]
    pub fn lease(&self) -> &citus::Lease {
        match &self.home {
            Home::Given(lease) => lease,
            Home::Private { .. } => panic!("CITUS_URL names no cluster"),
        }
    }

    /// A superuser's connection, which row-level security does not bind.
    pub async fn connect(&self) -> tokio_postgres::Client {
        connect(&self.superuser_url()).await
    }

    /// A connection as the application role.
    pub async fn connect_as_app(&self) -> tokio_postgres::Client {
        connect(&self.app_url()).await
    }
}

fn numbered() -> String {
    format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

async fn make_template() {
    let server = cluster_url("postgres");
    sql(&server, &format!("create database {TEMPLATE}")).await;
    migrate(cluster_url(TEMPLATE)).await;
}
