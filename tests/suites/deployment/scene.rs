//! A deployment whose container engine is a script.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use strongroom_e2e::deploy_folder;
use tempfile::TempDir;

/// `docker compose --file FILE exec|run … SERVICE COMMAND…`. In `eu` is a primary, whose volume is
/// $VOLUME and which has no data yet when asked by `run`; the other nodes do not run.
const DOCKER: &str = r#"#!/bin/sh
set -eu
shift 3
command=$1
while [ $# -gt 0 ] && [ "$1" != postgres-eu ]; do shift; done
if [ $# -eq 0 ]; then
    [ "$command" = run ] && echo empty
    exit
fi
shift
export PGDATA=$VOLUME/pgdata REGION=eu REGIONS='eu us ap'
case $command:$1 in
run:state) echo empty ;;
run:restore) rm -rf "$VOLUME/restored" && mkdir "$VOLUME/restored" &&
    exec tar -C "$VOLUME/restored" -xf - ;;
exec:psql) echo f ;;
exec:pg_basebackup) exec cat "$VOLUME/base.tar.gz" ;;
exec:/etc/*) shift && exec sh "$DEPLOY/postgres/node.sh" "$@" ;;
exec:*) exec "$@" ;;
esac
"#;

const KEYS: &str = "mkdir secrets && age-keygen -o secrets/backup.identity 2>/dev/null &&
    age-keygen -y secrets/backup.identity >secrets/backup.recipient &&
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out secrets/backup.key &&
    openssl pkey -in secrets/backup.key -pubout -out secrets/backup.pub";

/// What a base backup looks like; its WAL begins with segment 3.
pub(super) const BASE: &str =
    "mkdir -p data/base/1 data/global data/pg_wal data/pg_tblspc && cd data &&
    echo 15 >PG_VERSION && echo x >base/1/112_fsm && echo x >global/pg_control &&
    echo '# none' >postgresql.auto.conf && : >tablespace_map && echo x >backup_label.old &&
    echo x >pg_wal/000000010000000000000003 && echo 'START WAL LOCATION: 0/3000028 \
(file 000000010000000000000003)' >backup_label";

pub(super) struct Scene {
    folder: TempDir,
}

impl Scene {
    /// A deployment with a base backup of its primary, and four segments in its archive.
    pub(super) fn set() -> Self {
        let folder = TempDir::with_prefix("strongroom-backups-").unwrap();
        let scene = Self { folder };
        fs::create_dir_all(scene.path("bin")).unwrap();
        fs::write(scene.path("bin/docker"), DOCKER).unwrap();
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(scene.path("bin/docker"), executable).unwrap();
        scene.sh(KEYS);
        scene.sh(BASE);
        scene.sh("tar -C data -czf base.tar.gz $(ls data) && mkdir -p archive pgdata");
        for number in 3..=6 {
            scene.archive(number, &format!("canary {number}"));
        }
        scene
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a script in the scene's folder, which must succeed.
    pub(super) fn sh(&self, script: &str) {
        let mut shell = Command::new("sh");
        shell.args(["-ec", script]).current_dir(self.folder.path());
        let done = shell.output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{script}: {said}");
    }

    pub(super) fn archive(&self, number: u32, content: &str) {
        let file = format!("archive/{}.gz", segment(1, number));
        self.sh(&format!("echo '{content}' | gzip -nc >{file}"));
    }

    /// Runs a script of `deploy/` on the folder `backup`; returns what it says if it fails.
    pub(super) fn run(&self, script: &str, flags: &[&str], backup: &str) -> Result<(), String> {
        let path = std::env::var_os("PATH").unwrap();
        let mut command = Command::new(deploy_folder().join(script));
        command.args(flags).arg(self.path(backup));
        command.env(
            "PATH",
            format!("{}:{}", self.path("bin").display(), path.display()),
        );
        command.env("STRONGROOM_SECRETS", self.path("secrets"));
        command.env("VOLUME", self.folder.path());
        command.env("DEPLOY", deploy_folder());
        result(&mut command)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let mut command = Command::new(deploy_folder().join("postgres/check-backup.sh"));
        command.arg(self.path("base.tar.gz"));
        result(command.arg(self.path("wal")))
    }
}

fn result(command: &mut Command) -> Result<(), String> {
    let done = command.output().unwrap();
    match done.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
    }
}

pub(super) fn segment(timeline: u32, number: u32) -> String {
    format!("{timeline:08X}00000000{number:08X}")
}
