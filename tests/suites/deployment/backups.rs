//! `deploy/backup` and `deploy/restore`, with a script in place of the container engine.

use std::fs;
use std::path::{Path, PathBuf};

use super::scene::{BASE, Scene, segment};

#[track_caller]
fn is_refused(result: Result<(), String>, why: &str, what: &str) {
    let said = result.expect_err(what);
    assert!(said.contains(why), "{what}: {said}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_backup_is_encrypted_and_comes_back() {
    let scene = Scene::set();
    scene.run("backup", &["--base"], "backup").unwrap();
    assert_eq!(files(&scene.path("archive")).len(), 0);
    let stored = [
        files(&scene.path("backup")),
        files(&scene.path("backup/wal")),
    ]
    .concat();
    let stored = stored.iter().filter(|path| path.is_file());
    for file in stored.filter(|path| !path.ends_with(".lock")) {
        let content = fs::read(file).unwrap();
        let signed = file.extension().unwrap() == "signed";
        let start = if signed {
            "strongroom-backup 1\n"
        } else {
            "age-encryption.org/v1\n"
        };
        assert!(content.starts_with(start.as_bytes()), "{}", file.display());
    }
    scene.run("restore", &[], "backup").unwrap();
    scene.sh("cmp restored/base-*.tar.gz base.tar.gz");
    for number in 3..=6 {
        let file = format!("restored/wal/{}.gz", segment(1, number));
        scene.sh(&format!("gzip -dc {file} | grep -qx 'canary {number}'"));
    }
    assert_eq!(files(&scene.path("restored/wal")).len(), 4);
}

#[test]
fn what_was_altered_moved_or_made_elsewhere_is_not_restored() {
    let (scene, other) = (Scene::set(), Scene::set());
    for scene in [&scene, &other] {
        scene.run("backup", &["--base"], "backup").unwrap();
    }
    let (a, b) = (segment(1, 4), segment(1, 5));
    let theirs = other.path("backup").display().to_string();
    let (altered, plain) = ("was altered, moved", "not a plain file");
    let attacks = [
        ("printf x >>$(ls base-*.age)".to_owned(), altered),
        (
            "age -R ../secrets/backup.recipient -o x $(ls base-*.signed) && mv x $(ls base-*.age)"
                .to_owned(),
            altered,
        ),
        (format!("cp wal/{a}.gz.age wal/{b}.gz.age"), altered),
        (
            format!("cp wal/{a}.gz.age wal/{b}.gz.age; cp wal/{a}.gz.signed wal/{b}.gz.signed"),
            altered,
        ),
        (
            format!("sed -i s/{a}/{b}/ wal/{a}.gz.signed; mv wal/{a}.gz.signed wal/{b}.gz.signed"),
            altered,
        ),
        (format!("rm wal/{a}.gz.signed"), altered),
        (format!("cp {theirs}/wal/{a}.* wal"), altered),
        (format!("cp {theirs}/base-* ."), altered),
        (
            format!("mv wal/{a}.gz.age x; ln -s ../x wal/{a}.gz.age"),
            plain,
        ),
        (
            format!("mv wal/{a}.gz.signed x; ln -s ../x wal/{a}.gz.signed"),
            altered,
        ),
    ];
    for (attack, why) in attacks {
        scene.sh("rm -rf tried restored; cp -a backup tried");
        scene.sh(&format!("cd tried && {attack}"));
        is_refused(scene.run("restore", &[], "tried"), why, &attack);
        assert!(!scene.path("restored").exists(), "{attack}");
    }
    // What is older than the base backup is not needed.
    scene.sh("echo x >backup/wal/000000010000000000000001.gz.age");
    scene.run("restore", &[], "backup").unwrap();
    scene.sh("rm secrets/backup.identity; age-keygen -o secrets/backup.identity 2>/dev/null");
    is_refused(
        scene.run("restore", &[], "backup"),
        "does not open",
        "another identity",
    );
}

#[test]
fn a_segment_is_stored_once() {
    let scene = Scene::set();
    scene.run("backup", &[], "backup").unwrap();
    // PostgreSQL repeats the archiving of a segment after a crash.
    scene.archive(5, "canary 5");
    scene.run("backup", &[], "backup").unwrap();
    assert_eq!(files(&scene.path("archive")).len(), 0);
    scene.archive(5, "of another primary");
    is_refused(
        scene.run("backup", &[], "backup"),
        "differs",
        "another content",
    );
    scene.archive(5, "canary 5");
    scene.sh(&format!("echo x >>backup/wal/{}.gz.age", segment(1, 5)));
    is_refused(
        scene.run("backup", &[], "backup"),
        "altered",
        "an altered file",
    );
    assert_eq!(files(&scene.path("archive")).len(), 1);
    scene.sh("rm secrets/backup.key");
    is_refused(scene.run("backup", &[], "backup"), "backup.key", "no key");
}

#[test]
fn a_base_backup_with_more_than_data_is_refused() {
    let scene = Scene::set();
    scene.sh("mkdir wal");
    scene.check().unwrap();
    let foreign = [
        ("ln -s /etc/passwd data/base/1/2", "", "a link"),
        ("ln data/PG_VERSION data/base/1/2", "", "a link"),
        ("mkfifo data/base/1/2", "", "a device"),
        (":", "-P --transform s,1/112_fsm,/etc/x,", "base//etc/x"),
        (
            ":",
            "-P --transform s,^PG_VERSION,/etc/x,",
            "contains /etc/x",
        ),
        (":", "-P --transform s,^PG_VERSION,base/../x,", "base/../x"),
        (": >data/standby.signal", "", "standby.signal"),
        (": >data/evil.so", "", "evil.so"),
        ("mkdir data/pg_tblspc/1", "", "pg_tblspc/1"),
        ("echo '1 /srv' >data/tablespace_map", "", "tablespaces"),
        ("rm data/backup_label", "", "backup_label"),
    ];
    for (made, flags, why) in foreign {
        scene.sh("rm -rf data");
        scene.sh(BASE);
        scene.sh(&format!(
            "{made}; tar -C data {flags} -czf base.tar.gz $(ls data)"
        ));
        is_refused(scene.check(), why, why);
    }
}

#[test]
fn wal_must_be_without_gaps_across_promotions() {
    let scene = Scene::set();
    let promoted = "mkdir wal; echo '1\t0/5000060\tno recovery target specified' | gzip -c \
        >wal/00000002.history.gz; : >wal/000000010000000000000005.partial.gz";
    let begin = |script: &str| {
        scene.sh("rm -rf wal");
        scene.sh(script);
    };
    let add = |segments: &[(u32, u32)]| {
        for (timeline, number) in segments {
            scene.sh(&format!(": >wal/{}.gz", segment(*timeline, *number)));
        }
    };
    begin("mkdir wal");
    add(&[(1, 1), (1, 4), (1, 5)]);
    scene.check().unwrap();
    add(&[(1, 8)]);
    is_refused(
        scene.check(),
        "000000010000000000000006 is missing",
        "a gap",
    );
    begin(promoted);
    add(&[(1, 4), (2, 5), (2, 6)]);
    scene.check().unwrap();
    // Segments of the old primary that were never replicated do not count.
    add(&[(1, 5), (1, 9)]);
    scene.check().unwrap();
    scene.sh("rm wal/000000020000000000000005.gz");
    is_refused(
        scene.check(),
        "000000020000000000000005 is missing",
        "a gap",
    );
    scene.sh("rm wal/00000002.history.gz");
    is_refused(
        scene.check(),
        "00000002.history.gz is missing",
        "no history",
    );
}
