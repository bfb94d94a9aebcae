//! PostgreSQL ends when the process that started it is killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::{env, fs, thread};

use strongroom_pgdev::Cluster;

use crate::support::{
    Pair, eventually, folder, has_ended, psql, standby_config, start, start_standby,
};

#[test]
fn killing_the_parent_ends_the_server() {
    for mode in [0o755, 0o700] {
        let folder = folder(mode);
        let mut parent = parent(folder.path());
        let pid_file = folder.path().join("pid");
        eventually("the server runs", || {
            assert!(
                parent.try_wait().unwrap().is_none(),
                "the parent ended by itself"
            );
            pid_file.exists()
        });
        let pid = fs::read_to_string(&pid_file).unwrap().parse().unwrap();
        assert!(!has_ended(pid));
        parent.kill().unwrap();
        parent.wait().unwrap();

        // The start waits until the previous server has ended.
        let cluster = start(folder.path());
        assert!(has_ended(pid));
        assert_eq!(psql(&cluster, "select answer from kept"), "42");
    }
}

#[test]
fn killing_the_parent_during_initdb_leaves_nothing_behind() {
    let folder = folder(0o755);
    let fresh = folder.path().join("postgres.new");
    let mut parent = parent(folder.path());
    eventually("initdb runs", || fresh.join("global").exists());
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(!folder.path().join("postgres").exists());
    assert_eq!(psql(&start(folder.path()), "select 1"), "1");
    assert!(!fresh.exists());
}

#[test]
fn killing_the_parent_ends_a_standby_too() {
    let folder = folder(0o755);
    let mut parent = parent_with(folder.path(), "parent::parent_of_a_pair");
    let pid_file = folder.path().join("pid");
    eventually("both run", || {
        assert!(
            parent.try_wait().unwrap().is_none(),
            "the parent ended by itself"
        );
        pid_file.exists()
    });
    let lines = fs::read_to_string(&pid_file).unwrap();
    let pids: Vec<u32> = lines.lines().map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.len() == 2 && !pids.iter().any(|pid| has_ended(*pid)));
    parent.kill().unwrap();
    parent.wait().unwrap();
    let primary = start(folder.path());
    let standby = start_standby(standby_config(folder.path(), &primary));
    assert!(pids.iter().all(|pid| has_ended(*pid)));
    assert_eq!(psql(&standby, "select answer from kept"), "42");
}

const FOLDER: &str = "STRONGROOM_PGDEV_TEST_FOLDER";

fn parent(folder: &Path) -> Child {
    parent_with(folder, "parent::parent_process")
}

fn parent_with(folder: &Path, process: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", process, "--ignored"])
        .env(FOLDER, folder)
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "not a test, but the process that other tests kill"]
fn parent_process() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let cluster = start(&folder);
    psql(&cluster, "create table kept as select 42 as answer");
    publish_pids(&folder, &[&cluster]);
}

#[test]
#[ignore = "not a test, but the process that other tests kill"]
fn parent_of_a_pair() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let Pair { primary, standby } = Pair::start(&folder);
    publish_pids(&folder, &[&primary, &standby]);
}

/// Writes the file `pid`, and waits until the process is killed.
fn publish_pids(folder: &Path, clusters: &[&Cluster]) {
    let pids: Vec<String> = clusters.iter().map(|each| each.pid().to_string()).collect();
    let new = folder.join("pid.new");
    fs::write(&new, pids.join("\n")).unwrap();
    fs::rename(&new, folder.join("pid")).unwrap();
    loop {
        thread::park();
    }
}
