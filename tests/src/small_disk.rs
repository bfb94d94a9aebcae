use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};
use tempfile::TempDir;

use crate::cluster::OwnCluster;

/// A small file system in memory. Mounting it requires the privilege to mount.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    const SIZE: &str = "size=64m";

    /// Mounts one; `None` if the account may not mount.
    #[must_use]
    pub fn mount() -> Option<Self> {
        let folder = TempDir::with_prefix("strongroom-small-").unwrap();
        let none = nix::mount::MsFlags::empty();
        let tmpfs = Some("tmpfs");
        nix::mount::mount(tmpfs, folder.path(), tmpfs, none, Some(Self::SIZE)).ok()?;
        Some(Self { folder })
    }

    /// Moves the tables of `cluster` here.
    ///
    /// The WAL stays in place, because PostgreSQL stops when it cannot write its WAL.
    pub(crate) async fn hold(&self, cluster: &OwnCluster) {
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
        // The database must not be in use while its tables are moved.
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

    /// Fills it completely.
    pub fn fill(&self) {
        let mut file = std::fs::File::create(self.ballast()).unwrap();
        let zeros = vec![0; 4096];
        while std::io::Write::write_all(&mut file, &zeros).is_ok() {}
    }

    /// Frees the space again.
    pub fn empty(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }

    /// Its mount point.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Detached, because PostgreSQL may still be shutting down.
        let _ = nix::mount::umount2(self.folder.path(), nix::mount::MntFlags::MNT_DETACH);
    }
}
