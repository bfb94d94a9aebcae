use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use strongroom_pgdev::Binaries;
use tempfile::TempDir;

use crate::cluster::OwnCluster;
use crate::waiting::eventually;

const LONG: Duration = Duration::from_secs(60);

/// A base backup and an archive of the WAL after it, made as `docs/operations.md` describes.
pub struct Backup {
    folder: TempDir,
}

impl Backup {
    /// Starts archiving the WAL of `cluster`, which must have `archive_mode`.
    pub async fn begin(cluster: &OwnCluster) -> Self {
        let backup = Self {
            folder: TempDir::with_prefix("strongroom-backup-").unwrap(),
        };
        std::fs::create_dir(backup.archive()).unwrap();
        // PostgreSQL may run under another account than the test.
        for folder in [backup.folder.path(), &backup.archive()] {
            give_to_owner_of(cluster.data(), folder);
        }
        let archive = backup.archive();
        let archive = archive.display();
        let command = format!("test ! -f {archive}/%f && cp %p {archive}/%f");
        let client = cluster.database().connect().await;
        for statement in [
            format!("alter system set archive_command = '{command}'"),
            "select pg_reload_conf()".into(),
        ] {
            client.batch_execute(&statement).await.unwrap();
        }
        backup
    }

    /// Takes the base backup.
    pub fn take_base(&self, cluster: &OwnCluster) {
        let program = Binaries::find().unwrap().dir().join("pg_basebackup");
        let taken = Command::new(program)
            .arg("--pgdata")
            .arg(self.base())
            .arg("--dbname")
            .arg(cluster.database().superuser_url())
            .args(["--wal-method=fetch", "--checkpoint=fast"])
            .status();
        assert!(taken.unwrap().success());
    }

    /// Waits until the archive contains everything that is committed at the time of the call.
    pub async fn complete(&self, cluster: &OwnCluster) {
        let client = cluster.database().connect().await;
        let switch = "select pg_walfile_name(pg_switch_wal())";
        let segment: String = client.query_one(switch, &[]).await.unwrap().get(0);
        let archived = self.archive().join(segment);
        eventually("the WAL is archived", LONG, async || archived.exists()).await;
    }

    /// Restores into an empty folder up to the end of the archive.
    pub async fn restore(&self) -> OwnCluster {
        let archive = self.archive();
        self.restore_with(&format!("cp {}/%f %p", archive.display()))
            .await
    }

    /// Restores the base backup into an empty folder, without the archive.
    pub async fn restore_base_alone(&self) -> OwnCluster {
        self.restore_with("false").await
    }

    async fn restore_with(&self, command: &str) -> OwnCluster {
        let mut cluster = OwnCluster::stopped(&[("restore_command", command)]);
        let copied = Command::new("cp")
            .args(["--recursive", "--preserve=mode"])
            .args([self.base(), cluster.data().to_owned()])
            .status();
        assert!(copied.unwrap().success());
        std::fs::write(cluster.data().join("recovery.signal"), "").unwrap();
        give_all_to_owner_of(&self.archive(), cluster.data());
        cluster.resume();
        let client = cluster.database().connect().await;
        eventually("recovery has ended", LONG, async || {
            let recovering = "select pg_is_in_recovery()";
            !client
                .query_one(recovering, &[])
                .await
                .unwrap()
                .get::<_, bool>(0)
        })
        .await;
        cluster
    }

    fn archive(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    fn base(&self) -> PathBuf {
        self.folder.path().join("base")
    }
}

fn give_to_owner_of(model: &Path, path: &Path) {
    let owner = std::fs::metadata(model).unwrap();
    chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
}

fn give_all_to_owner_of(model: &Path, folder: &Path) {
    give_to_owner_of(model, folder);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            give_all_to_owner_of(model, &path);
        } else {
            give_to_owner_of(model, &path);
        }
    }
}
