//! Tests with a real PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod parent;
mod standby;
mod support;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command};
use std::{fs, thread};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use strongroom_pgdev::{Binaries, Cluster, ClusterConfig, PgError};
use support::{PATIENCE, config, folder, has_ended, psql, start};

#[test]
fn data_outlives_a_restart() {
    let folder = folder(0o755);
    let cluster = start(folder.path());
    assert_eq!(psql(&cluster, "select 1"), "1");
    assert_eq!(psql(&cluster, "show max_connections"), "17");
    assert_eq!(psql(&cluster, "show data_checksums"), "on");
    assert_eq!(psql(&cluster, "select current_user"), "postgres");
    psql(&cluster, "create table kept as select 42 as answer");
    let pid = cluster.pid();
    assert!(cluster.is_running() && !has_ended(pid));
    cluster.stop(PATIENCE).unwrap();
    assert!(has_ended(pid));

    let cluster = start(folder.path());
    assert_eq!(psql(&cluster, "select answer from kept"), "42");
    cluster.stop(PATIENCE).unwrap();

    let log = fs::read_to_string(folder.path().join("logs/postgres.log")).unwrap();
    assert_eq!(
        log.matches("database system was shut down at").count(),
        2,
        "{log}"
    );
    assert!(!log.contains("not properly shut down"), "{log}");
    assert!(!log.contains("secret"), "{log}");
}

#[test]
fn wrong_passwords_are_refused() {
    let folder = folder(0o755);
    let cluster = start(folder.path());
    let url = cluster.url("postgres").replace("secret", "guess");
    let psql = Binaries::find().unwrap().dir().join("psql");
    let output = Command::new(psql)
        .args(["-d", &url, "-c", "select 1"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("password authentication failed"));
}

#[test]
fn folders_only_root_may_enter_are_no_obstacle() {
    if !geteuid().is_root() {
        return;
    }
    let outer = folder(0o700);
    if !may_enter_everything() {
        let binaries = Binaries::find().unwrap();
        let error = Cluster::start(&binaries, config(&outer.path().join("x"))).unwrap_err();
        assert!(matches!(&error, PgError::CannotEnter { folder, .. } if folder == outer.path()));
        assert!(
            error.to_string().contains("choose another folder"),
            "{error}"
        );
        return;
    }
    let cluster = start(&outer.path().join("x"));
    assert_eq!(psql(&cluster, "select 1"), "1");
    assert_eq!(
        outer.path().metadata().unwrap().permissions().mode() & 0o777,
        0o700
    );
    cluster.stop(PATIENCE).unwrap();
}

/// Whether this process has CAP_DAC_OVERRIDE or CAP_DAC_READ_SEARCH, which some containers lack.
fn may_enter_everything() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let set = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .unwrap();
    u64::from_str_radix(set.trim(), 16).unwrap() & 0b110 != 0
}

#[test]
fn a_crashed_server_recovers() {
    let folder = folder(0o755);
    let cluster = start(folder.path());
    psql(&cluster, "create table kept as select 42 as answer");
    kill(Pid::from_raw(cluster.pid().cast_signed()), Signal::SIGKILL).unwrap();
    assert!(cluster.wait(PATIENCE));
    assert!(!cluster.is_running());
    cluster.stop(PATIENCE).unwrap();

    let cluster = start(folder.path());
    assert_eq!(
        psql(&cluster, "insert into kept values (43) returning answer"),
        "43"
    );
    cluster.kill();
    assert_eq!(
        psql(&start(folder.path()), "select max(answer) from kept"),
        "43"
    );
}

#[test]
fn a_record_that_names_an_unrelated_process_is_no_obstacle() {
    let folder = folder(0o755);
    start(folder.path()).kill();
    let record = folder.path().join("postgres/postmaster.pid");
    let text = fs::read_to_string(&record).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    let unrelated = Unrelated::start(&folder.path().join("postgres"));
    fs::write(&record, format!("{}\n{rest}", unrelated.0.id())).unwrap();
    assert_eq!(psql(&start(folder.path()), "select 1"), "1");
}

/// A process of the cluster's owner, which PostgreSQL mistakes for a running server.
struct Unrelated(Child);

impl Unrelated {
    fn start(data: &Path) -> Self {
        use std::os::unix::{fs::MetadataExt, process::CommandExt};
        let owner = data.metadata().unwrap();
        let mut command = Command::new("sleep");
        command.arg("600").current_dir("/");
        if geteuid().is_root() {
            command.uid(owner.uid()).gid(owner.gid());
        }
        Self(command.spawn().unwrap())
    }
}

impl Drop for Unrelated {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_taken_port_is_replaced_and_a_free_one_used() {
    let folder = folder(0o755);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken_port = taken.local_addr().unwrap().port();
    let wish = |port| ClusterConfig {
        port: Some(port),
        ..config(folder.path())
    };
    let binaries = Binaries::find().unwrap();
    let cluster = Cluster::start(&binaries, wish(taken_port)).unwrap();
    let port = cluster.port();
    assert_ne!(port, taken_port);
    cluster.stop(PATIENCE).unwrap();
    let cluster = Cluster::start(&binaries, wish(port)).unwrap();
    assert_eq!(cluster.port(), port);
}

#[test]
fn several_clusters_run_side_by_side() {
    let folders = [folder(0o755), folder(0o755), folder(0o755)];
    let clusters: Vec<Cluster> = thread::scope(|scope| {
        let starts: Vec<_> = folders
            .iter()
            .map(|folder| scope.spawn(|| start(folder.path())))
            .collect();
        starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect()
    });
    for cluster in &clusters {
        assert_eq!(psql(cluster, "select 1"), "1");
    }
}

#[test]
fn a_folder_has_one_server_at_a_time() {
    let folder = folder(0o755);
    let cluster = start(folder.path());
    let error = Cluster::start(&Binaries::find().unwrap(), config(folder.path())).unwrap_err();
    assert!(
        matches!(&error, PgError::InUse { pid, .. } if *pid == Some(cluster.pid())),
        "{error}"
    );
    assert!(
        error.to_string().contains(&cluster.pid().to_string()),
        "{error}"
    );
}

#[test]
fn a_server_that_somebody_else_started_is_left_alone() {
    let folder = folder(0o755);
    let cluster = start(folder.path());
    // Without the lock file the server looks as if it was started manually.
    fs::remove_file(folder.path().join("postgres.lock")).unwrap();
    let error = Cluster::start(&Binaries::find().unwrap(), config(folder.path())).unwrap_err();
    assert!(
        matches!(&error, PgError::InUse { pid, .. } if *pid == Some(cluster.pid())),
        "{error}"
    );
    assert_eq!(psql(&cluster, "select 1"), "1");
}

#[test]
fn leftovers_of_an_interrupted_initdb_are_replaced() {
    let folder = folder(0o755);
    fs::create_dir_all(folder.path().join("postgres.new/base")).unwrap();
    fs::write(folder.path().join("postgres.new/PG_VERSION"), "15\n").unwrap();
    assert_eq!(psql(&start(folder.path()), "select 1"), "1");
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["logs", "postgres", "postgres.lock"]);
}

#[test]
fn errors_say_what_is_wrong() {
    let folder = folder(0o755);
    let binaries = Binaries::find().unwrap();
    let message = |config| {
        let error = Cluster::start(&binaries, config).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        error.to_string()
    };

    let settings = vec![("shared_buffers".to_owned(), "plenty".to_owned())];
    let error = message(ClusterConfig {
        settings,
        ..config(folder.path())
    });
    assert!(
        error.contains("exit status: 1") && error.contains("shared_buffers"),
        "{error}"
    );

    let data = folder.path().join("other");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("thesis.txt"), "").unwrap();
    let error = message(ClusterConfig {
        data: data.clone(),
        ..config(folder.path())
    });
    assert!(
        error.contains(data.to_str().unwrap()) && error.contains("PG_VERSION"),
        "{error}"
    );

    for superuser_password in ["", "secret\nsecret"].map(str::to_owned) {
        let data = folder.path().join("third");
        let error = message(ClusterConfig {
            data,
            superuser_password,
            ..config(folder.path())
        });
        assert!(error.contains("password"), "{error}");
    }
    assert!(!format!("{:?}", config(folder.path())).contains("secret"));
}
