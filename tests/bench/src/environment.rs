//! Where everything is measured: one PostgreSQL, and in it databases with so many organizations and credentials.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use strongroom_domain::audit::Chain;
use strongroom_domain::blob::JsonBlob;
use strongroom_domain::caller::{Caller, RequestInfo, Role};
use strongroom_domain::credential::{CredentialType, Label, NewCredential, Provider};
use strongroom_domain::crypto::{OsRandom, RootKey};
use strongroom_domain::keyring::{RootKeySources, new_root_key, unlock};
use strongroom_domain::replication::Level;
use strongroom_domain::{
    Clock, CreateRequest, CredentialId, OrgId, SystemClock, Vault, VaultSettings, json,
};
use strongroom_pgdev::{Binaries, Cluster, ClusterConfig};
use strongroom_storage::{
    Database, DatabaseSettings, DatabaseUrl, PgStore, RegionsSettings, WatchedRegions,
    ensure_database, grant_app_role, migrate,
};
use tempfile::TempDir;

use crate::Result;

const PASSWORD: &str = "bench";
const APP_ROLE: &str = "strongroom_app";
/// How many requests the loading keeps under way.
const LOADERS: usize = 256;

/// A private PostgreSQL that keeps what it has promised, and a folder for everything.
pub(crate) struct Stage {
    pub(crate) binaries: Binaries,
    cluster: Cluster,
    root_key: RootKey,
    folder: TempDir,
}

impl Stage {
    pub(crate) fn start() -> Result<Self> {
        let folder = TempDir::with_prefix("strongroom-bench-")?;
        let binaries = Binaries::find()?;
        let settings = [
            ("fsync", "on"),
            ("synchronous_commit", "on"),
            ("shared_buffers", "1GB"),
            ("max_wal_size", "8GB"),
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

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn superuser_url(&self, database: &str) -> String {
        self.cluster.url(database)
    }

    pub(crate) fn app_url(&self, database: &str) -> String {
        let port = self.cluster.port();
        format!("postgresql://{APP_ROLE}:{PASSWORD}@127.0.0.1:{port}/{database}")
    }

    /// Makes a migrated database with `orgs` organizations, each with an API key and `credentials` credentials, and as
    /// many without any: what is created while it is measured shall not make the lists longer.
    pub(crate) async fn database(
        &self,
        name: &str,
        orgs: usize,
        credentials: usize,
    ) -> Result<Base> {
        let server = Database::new(&settings(&self.superuser_url("postgres"))?)?;
        ensure_database(&server, name).await?;
        let owner = Database::new(&settings(&self.superuser_url(name))?)?;
        migrate(&owner).await?;
        grant_app_role(&owner, APP_ROLE, Some(PASSWORD)).await?;
        let vault = self.vault(name).await?;
        let made = stream::iter(0..2 * orgs).map(|n| organization(&vault, n));
        let mut callers: Vec<Known> = made.buffered(LOADERS).try_collect().await?;
        let writers = callers.split_off(orgs);
        let mut authenticated = Vec::new();
        for one in &callers {
            authenticated.push(vault.authenticate(&one.key, request()).await?);
        }
        let jobs = (0..credentials).flat_map(|n| authenticated.iter().map(move |one| (one, n)));
        let ids = stream::iter(jobs).map(|(caller, n)| create(&vault, caller, n));
        let ids: Vec<(OrgId, CredentialId)> = ids.buffered(LOADERS).try_collect().await?;
        let base = Base {
            name: name.to_owned(),
            callers,
            writers,
            credentials: ids,
        };
        base.finish(self).await?;
        Ok(base)
    }

    /// The vault on a database, within this process.
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

    pub(crate) fn root_key_file(&self) -> PathBuf {
        self.path("root.key")
    }

    pub(crate) async fn connect(&self, database: &str) -> Result<tokio_postgres::Client> {
        let url = self.superuser_url(database);
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }
}

/// A database with what is in it.
pub(crate) struct Base {
    pub(crate) name: String,
    /// Those whose credentials are read.
    pub(crate) callers: Vec<Known>,
    /// Those who create.
    pub(crate) writers: Vec<Known>,
    pub(crate) credentials: Vec<(OrgId, CredentialId)>,
}

/// An organization and its API key.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) org: OrgId,
    pub(crate) key: String,
}

impl Base {
    /// Every credential has been used, so that lists read as much at first as later.
    async fn finish(&self, stage: &Stage) -> Result<()> {
        let client = stage.connect(&self.name).await?;
        let uses = "insert into credential_uses (org_id, cred_id, last_used_at, last_used_by) \
             select org_id, cred_id, now(), cred_id from credentials order by org_id, cred_id";
        client.batch_execute(uses).await?;
        settle(&client).await?;
        Ok(())
    }

    /// Writes a file of callers, for the load generator.
    pub(crate) fn callers_file(path: &Path, callers: &[Known]) -> Result<()> {
        let lines: Vec<_> = callers
            .iter()
            .map(|one| format!("{} {}\n", one.org, one.key))
            .collect();
        Ok(std::fs::write(path, lines.concat())?)
    }

    /// Writes a file of requests for single credentials of the first `callers`: an even selection of about `count`.
    pub(crate) fn reveals_file(&self, path: &Path, count: usize, callers: usize) -> Result<()> {
        let callers = self.callers.iter().take(callers);
        let keys: HashMap<_, _> = callers.map(|one| (one.org, &one.key)).collect();
        let theirs: Vec<_> = self
            .credentials
            .iter()
            .filter(|(org, _)| keys.contains_key(org))
            .collect();
        // Odd, so that it does not pick the same organizations over and over.
        let step = (theirs.len() / count) | 1;
        let lines: Vec<_> = theirs
            .into_iter()
            .step_by(step)
            .map(|(org, id)| format!("{org} {} {}/{id}\n", keys[org], crate::CREDENTIALS))
            .collect();
        Ok(std::fs::write(path, lines.concat())?)
    }

    /// Writes a file of requests for lists.
    pub(crate) fn lists_file(&self, path: &Path) -> Result<()> {
        let line =
            |one: &Known| format!("{} {} {}?limit=100\n", one.org, one.key, crate::CREDENTIALS);
        let lines: Vec<_> = self.callers.iter().map(line).collect();
        Ok(std::fs::write(path, lines.concat())?)
    }
}

/// Brings a database that was just filled to rest.
pub(crate) async fn settle(client: &tokio_postgres::Client) -> Result<()> {
    client.batch_execute("vacuum analyze").await?;
    client.batch_execute("checkpoint").await?;
    Ok(())
}

fn settings(url: &str) -> Result<DatabaseSettings> {
    Ok(DatabaseSettings {
        url: DatabaseUrl::parse(url)?,
        pool_size: 16,
        connect_timeout: std::time::Duration::from_secs(3),
        statement_timeout: std::time::Duration::from_secs(60),
    })
}

fn request() -> RequestInfo {
    RequestInfo {
        id: "bench".into(),
        source: "127.0.0.1".into(),
    }
}

async fn organization(vault: &Vault, n: usize) -> Result<Known> {
    let organization = vault
        .create_organization(&format!("org {n}"), request())
        .await?;
    let operator = Caller::operator(organization.id, request());
    let key = vault
        .create_api_key(&operator, Role::Admin, "bench", None)
        .await?;
    Ok(Known {
        org: organization.id,
        key: key.text.expose().to_owned(),
    })
}

async fn create(vault: &Vault, caller: &Caller, n: usize) -> Result<(OrgId, CredentialId)> {
    let label = format!("load-{n}");
    let blob = format!(r#"{{"api_key":"sk_live_0123456789abcdefghijkl_{label}"}}"#);
    let blob = JsonBlob::new(json::parse(blob.as_bytes()).map_err(|error| error.message)?);
    let new = NewCredential {
        provider: Provider::Generic,
        kind: CredentialType::ApiKey,
        label: Label::parse(&label).map_err(|error| error.message)?,
        blob: blob.map_err(|error| error.message)?,
    };
    let level = Level::LocalRegion;
    let written = vault
        .create_credential(
            caller,
            CreateRequest {
                new,
                level,
                key: None,
            },
        )
        .await?;
    let id = vault
        .replicated(caller, written, std::time::Duration::ZERO)
        .await?;
    Ok((caller.org(), id))
}
