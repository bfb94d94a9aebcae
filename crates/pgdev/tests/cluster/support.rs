use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, thread};

use strongroom_pgdev::{Binaries, Cluster, ClusterConfig, PrimaryServer, StandbyConfig};
use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "it's 100% \"secret\"/@:?#";
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn folder(mode: u32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    folder
}

pub(crate) fn config(folder: &Path) -> ClusterConfig {
    ClusterConfig {
        data: folder.join("postgres"),
        log: folder.join("logs/postgres.log"),
        superuser_password: PASSWORD.to_owned(),
        port: None,
        settings: vec![("max_connections".to_owned(), "17".to_owned())],
    }
}

pub(crate) fn start(folder: &Path) -> Cluster {
    Cluster::start(&Binaries::find().unwrap(), config(folder)).unwrap()
}

/// A primary and its standby, which starts with the primary's data.
pub(crate) struct Pair {
    pub(crate) primary: Cluster,
    pub(crate) standby: Cluster,
}

impl Pair {
    pub(crate) fn start(folder: &Path) -> Self {
        let primary = start(folder);
        primary.allow_replication(PASSWORD).unwrap();
        psql(&primary, "create table kept as select 42 as answer");
        let standby = start_standby(standby_config(folder, &primary));
        Self { primary, standby }
    }
}

pub(crate) fn standby_config(folder: &Path, primary: &Cluster) -> StandbyConfig {
    StandbyConfig {
        name: "eu-west".to_owned(),
        server: ClusterConfig {
            data: folder.join("standby"),
            log: folder.join("logs/standby.log"),
            ..config(folder)
        },
        primary: PrimaryServer {
            port: primary.port(),
            replication_password: PASSWORD.to_owned(),
        },
    }
}

pub(crate) fn start_standby(config: StandbyConfig) -> Cluster {
    Cluster::start_standby(&Binaries::find().unwrap(), config).unwrap()
}

pub(crate) fn psql(cluster: &Cluster, sql: &str) -> String {
    let output = Command::new(Binaries::find().unwrap().dir().join("psql"))
        .args([
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            sql,
            "-d",
            &cluster.url("postgres"),
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the process has ended. A zombie counts as ended; some containers do not reap them.
pub(crate) fn has_ended(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| {
        stat.rsplit(')').next().unwrap().trim().starts_with('Z')
    })
}
