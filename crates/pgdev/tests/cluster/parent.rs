//! What becomes of PostgreSQL when the process that started it is killed.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
};

use crate::support::{eventually, folder, has_ended, psql, start};

#[test]
fn killing_the_parent_ends_the_server() {
    for mode in [0o755, 0o700] {
        let folder = folder(mode);
        let mut parent = parent(folder.path());
        let told = folder.path().join("pid");
        eventually("the server runs", || {
            assert!(
                parent.try_wait().unwrap().is_none(),
                "the parent ended by itself"
            );
            told.exists()
        });
        let pid = fs::read_to_string(&told).unwrap().parse().unwrap();
        assert!(!has_ended(pid));
        parent.kill().unwrap();
        parent.wait().unwrap();

        // It may still be ending; that is awaited.
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
    eventually("initdb is at work", || fresh.join("global").exists());
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(!folder.path().join("postgres").exists());
    assert_eq!(psql(&start(folder.path()), "select 1"), "1");
    assert!(!fresh.exists());
}

const FOLDER: &str = "STRONGROOM_PGDEV_TEST_FOLDER";

fn parent(folder: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "parent::parent_process", "--ignored"])
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
    let told = folder.join("pid.new");
    fs::write(&told, cluster.pid().to_string()).unwrap();
    fs::rename(&told, folder.join("pid")).unwrap();
    loop {
        thread::park();
    }
}
