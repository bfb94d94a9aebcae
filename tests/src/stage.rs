use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{Uid, User};
use tempfile::TempDir;

use crate::{Api, Load, LoadSettings, OwnCluster, Proxy, Server, TestVault};

/// How long these servers may take: short, so that a test sees the end of it.
const VARIABLES: [(&str, &str); 3] = [
    ("STRONGROOM_REQUEST_TIMEOUT", "3s"),
    ("STRONGROOM_STATEMENT_TIMEOUT", "2s"),
    ("STRONGROOM_CONNECT_TIMEOUT", "1s"),
];
/// What may be on top of it on a machine that is busy.
const SLACK: Duration = Duration::from_secs(2);

/// A PostgreSQL with two servers in front of it, which faults can befall. The servers reach PostgreSQL through a proxy.
pub struct Stage {
    /// PostgreSQL.
    pub cluster: OwnCluster,
    /// The servers' way to it.
    pub way: Proxy,
    /// The vault; its server is the first one.
    pub vault: TestVault,
    /// The second server.
    pub second: Server,
    /// The organizations' admins.
    pub admins: Vec<Api>,
    /// Where the tables are, when that is a small file system.
    pub small: Option<SmallDisk>,
}

impl Stage {
    /// One with `organizations` organizations. With a `small_disk` the tables are on one, where that is possible.
    pub async fn set(organizations: usize, small_disk: bool) -> Self {
        let cluster = OwnCluster::start().await;
        let small = match small_disk {
            true => SmallDisk::mount(),
            false => None,
        };
        if let Some(small) = &small {
            small.hold(&cluster).await;
        }
        let way = Proxy::to(cluster.port());
        let vault = TestVault::start_on(cluster.database_through(&way), &VARIABLES).await;
        let mut admins = vec![vault.admin.clone()];
        for number in 1..organizations {
            admins.push(vault.new_organization(&format!("org {number}")).0);
        }
        let second = vault.start_server(&VARIABLES);
        vault.ready(&second.url()).await;
        Self {
            cluster,
            way,
            vault,
            second,
            admins,
            small,
        }
    }

    /// Starts callers on both servers.
    #[must_use]
    pub fn load(&self, settings: LoadSettings) -> Load {
        Load::start(&self.admins, &self.servers(), settings)
    }

    /// The servers' URLs.
    #[must_use]
    pub fn servers(&self) -> Vec<String> {
        vec![self.vault.server.url(), self.second.url()]
    }

    /// The longest time that an answer may take.
    #[must_use]
    pub fn request_timeout() -> Duration {
        Duration::from_secs(3) + SLACK
    }

    /// kill -9 of both servers.
    pub fn kill_servers(&mut self) {
        self.vault.server.kill();
        self.second.kill();
    }

    /// Starts those that were killed again, as whoever watches processes would.
    pub fn start_servers(&mut self, load: &Load) {
        self.vault.server = self.vault.start_server(&VARIABLES);
        self.second = self.vault.start_server(&VARIABLES);
        load.use_servers(&self.servers());
    }
}

/// A file system in memory that is soon full. Takes the right to mount.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    const SIZE: &str = "size=64m";

    /// Mounts one; none where that is not allowed.
    #[must_use]
    pub fn mount() -> Option<Self> {
        let folder = TempDir::with_prefix("strongroom-small-").unwrap();
        let none = nix::mount::MsFlags::empty();
        let tmpfs = Some("tmpfs");
        nix::mount::mount(tmpfs, folder.path(), tmpfs, none, Some(Self::SIZE)).ok()?;
        Some(Self { folder })
    }

    // The log stays where it is: PostgreSQL that cannot write its log ends.
    async fn hold(&self, cluster: &OwnCluster) {
        let tables = self.folder.path().join("tables");
        std::fs::create_dir(&tables).unwrap();
        let owner = match User::from_name("postgres").unwrap() {
            Some(user) if Uid::effective().is_root() => user,
            _ => return,
        };
        for folder in [self.folder.path(), &tables] {
            std::os::unix::fs::chown(folder, Some(owner.uid.as_raw()), Some(owner.gid.as_raw()))
                .unwrap();
        }
        // The database must not be in use while its tables move.
        let client = cluster.connect_to("template1").await;
        let statements = [
            format!("create tablespace small location '{}'", tables.display()),
            "alter database postgres set tablespace small".to_owned(),
        ];
        for statement in statements {
            client.batch_execute(&statement).await.unwrap();
        }
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join("ballast")
    }

    /// Fills it to the last byte.
    pub fn fill(&self) {
        let mut file = std::fs::File::create(self.ballast()).unwrap();
        let zeros = vec![0; 4096];
        while std::io::Write::write_all(&mut file, &zeros).is_ok() {}
    }

    /// Makes room again.
    pub fn empty(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: PostgreSQL may still be ending.
        let _ = nix::mount::umount2(self.folder.path(), nix::mount::MntFlags::MNT_DETACH);
    }
}
