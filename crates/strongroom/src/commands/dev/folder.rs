use std::fs;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use strongroom_domain::crypto::{OsRandom, RandomSource};

use crate::error::CommandError;

/// The state of a development instance, in `DIR/dev.json` (mode 0600).
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Memory {
    /// Password of PostgreSQL's superuser.
    pub(super) postgres_password: String,
    /// Password of the application role.
    pub(super) app_password: String,
    /// The last port of PostgreSQL.
    pub(super) port: Option<u16>,
    /// The organization and its keys, once they are created.
    pub(super) demo: Option<Demo>,
    /// Password of the role that standbys use for replication.
    #[serde(default)]
    pub(super) replication_password: Option<String>,
    /// The regions of the last start.
    #[serde(default)]
    pub(super) regions: Vec<RegionMemory>,
}

/// A region at the last start.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct RegionMemory {
    pub(super) name: String,
    /// The port of its PostgreSQL.
    pub(super) port: Option<u16>,
    /// The port of its server.
    pub(super) listen: Option<u16>,
}

/// The organization for first requests.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Demo {
    pub(super) org_id: String,
    pub(super) admin_api_key: String,
    pub(super) member_api_key: String,
}

/// The instance's folder, locked by this process.
pub(super) struct DevFolder {
    path: PathBuf,
    _lock: File,
}

impl DevFolder {
    /// Locks the folder, and creates it first if necessary.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, CommandError> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => default_path()?,
        };
        let what = format!("cannot use the folder {}", path.display());
        let failed = |error: std::io::Error| CommandError::io(&what, &error);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(CommandError::Failed(format!(
                "another `strongroom dev` is running in {}; stop it, or choose another folder with \
                 --data",
                path.display()
            ))),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn cluster(&self) -> PathBuf {
        self.path.join("postgres")
    }

    pub(super) fn cluster_log(&self) -> PathBuf {
        self.path.join("postgres.log")
    }

    /// The data folder of a region's standby; its log is beside it.
    pub(super) fn standby(&self, region: &str) -> PathBuf {
        self.path.join("regions").join(region)
    }

    pub(super) fn root_key(&self) -> PathBuf {
        self.path.join("root.key")
    }

    fn memory(&self) -> PathBuf {
        self.path.join("dev.json")
    }

    /// The stored state, or a new one when there is no cluster yet.
    pub(super) fn load(&self) -> Result<Memory, CommandError> {
        let file = self.memory();
        let what = format!("cannot read {}", file.display());
        match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| CommandError::Failed(format!("{what}: {error}"))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if self.cluster().join("PG_VERSION").exists() {
                    return Err(CommandError::Failed(format!(
                        "{} is missing, and with it the passwords of the database; restore it, or \
                         remove {} to start over",
                        file.display(),
                        self.path.display()
                    )));
                }
                let memory = Memory {
                    postgres_password: password()?,
                    app_password: password()?,
                    port: None,
                    demo: None,
                    replication_password: None,
                    regions: Vec::new(),
                };
                self.store(&memory)?;
                Ok(memory)
            }
            Err(error) => Err(CommandError::io(&what, &error)),
        }
    }

    /// Replaces the stored state atomically.
    pub(super) fn store(&self, memory: &Memory) -> Result<(), CommandError> {
        let file = self.memory();
        let what = format!("cannot write {}", file.display());
        let failed = |error: std::io::Error| CommandError::io(&what, &error);
        let bytes = serde_json::to_vec_pretty(memory)
            .map_err(|error| CommandError::Failed(format!("{what}: {error}")))?;
        let draft = file.with_extension("json.new");
        let mut out = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&draft)
            .map_err(failed)?;
        out.write_all(&bytes)
            .and_then(|()| out.sync_all())
            .map_err(failed)?;
        fs::rename(&draft, &file).map_err(failed)
    }
}

fn default_path() -> Result<PathBuf, CommandError> {
    if nix::unistd::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/strongroom-dev"));
    }
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share"));
    data.or_else(home)
        .map(|data| data.join("strongroom-dev"))
        .ok_or_else(|| CommandError::Failed("HOME is not set; choose a folder with --data".into()))
}

/// A random password of letters and digits, which needs no encoding in a URL.
pub(super) fn password() -> Result<String, CommandError> {
    let mut bytes = [0; 16];
    OsRandom
        .fill(&mut bytes)
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
