//! Tests of hot standbys.

use std::fs;
use std::path::Path;

use strongroom_pgdev::{Binaries, Cluster, PgError, StandbyConfig, Unusable, remove_standby};

use crate::support::{
    PATIENCE, Pair, config, eventually, folder, has_ended, psql, standby_config, start,
    start_standby,
};

fn insert(primary: &Cluster, answer: u32) {
    psql(primary, &format!("insert into kept values ({answer})"));
}

fn awaits(standby: &Cluster, answer: u32) {
    let sql = format!("select count(*) from kept where answer = {answer}");
    eventually(&format!("the standby has {answer}"), || {
        psql(standby, &sql) == "1"
    });
}

fn following(folder: &Path, primary: &Cluster) -> (Cluster, Option<Unusable>) {
    let binaries = Binaries::find().unwrap();
    Cluster::start_following(&binaries, standby_config(folder, primary)).unwrap()
}

#[test]
fn a_standby_follows_and_keeps_its_place() {
    let folder = folder(0o755);
    let Pair { primary, standby } = Pair::start(folder.path());
    assert!(standby.is_standby() && !primary.is_standby());
    insert(&primary, 43);
    awaits(&standby, 43);
    assert_eq!(psql(&standby, "show hot_standby_feedback"), "on");
    assert_eq!(psql(&primary, "show max_slot_wal_keep_size"), "1GB");
    assert_eq!(
        psql(
            &primary,
            "select usename, application_name, usesuper from pg_stat_replication \
             join pg_user using (usename)"
        ),
        "replicator|eu-west|f"
    );
    let (pid, port) = (standby.pid(), standby.port());
    standby.stop(PATIENCE).unwrap();
    assert!(has_ended(pid));
    insert(&primary, 44);

    let mut config = standby_config(folder.path(), &primary);
    config.server.port = Some(port);
    let standby = start_standby(config);
    assert_eq!(standby.port(), port);
    awaits(&standby, 44);
    standby.kill();
    let standby = start_standby(standby_config(folder.path(), &primary));
    awaits(&standby, 44);
}

#[test]
fn a_standby_follows_its_primary_to_another_port() {
    let folder = folder(0o755);
    let Pair { primary, standby } = Pair::start(folder.path());
    let port = primary.port();
    standby.stop(PATIENCE).unwrap();
    primary.stop(PATIENCE).unwrap();
    let primary = start(folder.path());
    assert_ne!(primary.port(), port);
    insert(&primary, 43);
    let (standby, unusable) = following(folder.path(), &primary);
    assert_eq!(unusable, None);
    awaits(&standby, 43);
}

#[test]
fn a_promoted_standby_takes_writes_and_is_made_anew_when_it_shall_follow() {
    let folder = folder(0o755);
    let Pair { primary, standby } = Pair::start(folder.path());
    standby.promote().unwrap();
    assert!(!standby.is_standby());
    insert(&standby, 1);
    standby.stop(PATIENCE).unwrap();

    let again = start_standby(standby_config(folder.path(), &primary));
    insert(&again, 2);
    again.stop(PATIENCE).unwrap();

    insert(&primary, 43);
    let (standby, unusable) = following(folder.path(), &primary);
    assert_eq!(unusable, Some(Unusable::Promoted));
    awaits(&standby, 43);
    assert_eq!(psql(&standby, "select count(*) from kept"), "2");
}

#[test]
fn one_that_the_primary_forgot_is_made_anew() {
    let folder = folder(0o755);
    let Pair { primary, standby } = Pair::start(folder.path());
    standby.stop(PATIENCE).unwrap();
    let slots = "select slot_name from pg_replication_slots";
    assert_eq!(psql(&primary, slots), "eu_west");
    primary.forget_standby("eu-west").unwrap();
    assert_eq!(psql(&primary, slots), "");
    primary.forget_standby("eu-west").unwrap();
    let (standby, unusable) = following(folder.path(), &primary);
    assert_eq!(unusable, Some(Unusable::NoSlot));
    awaits(&standby, 42);
}

#[test]
fn one_that_fell_too_far_behind_is_made_anew() {
    let folder = folder(0o755);
    let Pair { primary, standby } = Pair::start(folder.path());
    standby.stop(PATIENCE).unwrap();
    primary.stop(PATIENCE).unwrap();
    let mut small = config(folder.path());
    let settings = [("max_slot_wal_keep_size", "16MB"), ("max_wal_size", "32MB")];
    small
        .settings
        .extend(settings.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let primary = Cluster::start(&Binaries::find().unwrap(), small).unwrap();
    for answer in 100..105 {
        insert(&primary, answer);
        psql(&primary, "select pg_switch_wal()");
    }
    psql(&primary, "checkpoint");
    let (standby, unusable) = following(folder.path(), &primary);
    assert_eq!(unusable, Some(Unusable::TooFarBehind));
    awaits(&standby, 104);
}

#[test]
fn one_of_another_primary_is_made_anew() {
    let (one, other) = (folder(0o755), folder(0o755));
    let Pair { primary, standby } = Pair::start(one.path());
    standby.stop(PATIENCE).unwrap();
    drop(primary);
    let stranger = Pair::start(other.path());
    stranger.standby.stop(PATIENCE).unwrap();
    insert(&stranger.primary, 43);
    let (standby, unusable) = following(one.path(), &stranger.primary);
    assert_eq!(unusable, Some(Unusable::NotFollowing));
    awaits(&standby, 43);
}

#[test]
fn a_copy_that_was_interrupted_is_made_again() {
    let folder = folder(0o755);
    let primary = start(folder.path());
    primary.allow_replication(crate::support::PASSWORD).unwrap();
    psql(&primary, "create table kept as select 42 as answer");
    psql(
        &primary,
        "select pg_create_physical_replication_slot('eu_west', true)",
    );
    let fresh = folder.path().join("standby.new");
    fs::create_dir_all(fresh.join("global")).unwrap();
    let (standby, unusable) = following(folder.path(), &primary);
    assert_eq!(unusable, None);
    awaits(&standby, 42);
    assert!(!fresh.exists());
}

#[test]
fn a_removed_standby_leaves_nothing() {
    let folder = folder(0o755);
    let Pair { primary, standby } = Pair::start(folder.path());
    standby.stop(PATIENCE).unwrap();
    let data = standby_config(folder.path(), &primary).server.data;
    remove_standby(&data).unwrap();
    assert!(!data.exists());
    remove_standby(&data).unwrap();
}

#[test]
fn secrets_stay_out_of_logs_and_arguments() {
    let folder = folder(0o755);
    let Pair { primary, standby } = Pair::start(folder.path());
    primary
        .allow_replication("it's another \"secret\"")
        .unwrap();
    for cluster in [&primary, &standby] {
        let arguments = fs::read(format!("/proc/{}/cmdline", cluster.pid())).unwrap();
        assert!(!String::from_utf8_lossy(&arguments).contains("secret"));
    }
    for log in ["postgres.log", "standby.log"] {
        let log = fs::read_to_string(folder.path().join("logs").join(log)).unwrap();
        assert!(!log.contains("secret"), "{log}");
    }
    let shown = format!("{:?}", standby_config(folder.path(), &primary));
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn names_that_are_no_slots_are_refused() {
    let folder = folder(0o755);
    let primary = start(folder.path());
    for name in ["", "EU", "e u", "e'u", &"x".repeat(64)] {
        let config = StandbyConfig {
            name: name.to_owned(),
            ..standby_config(folder.path(), &primary)
        };
        let error = Cluster::start_standby(&Binaries::find().unwrap(), config).unwrap_err();
        assert!(
            matches!(&error, PgError::BadName(bad) if bad == name),
            "{error}"
        );
    }
    assert!(!folder.path().join("standby").exists());
}

#[test]
fn a_standby_that_is_stopped_by_a_signal_can_still_be_ended() {
    let folder = folder(0o755);
    let Pair { primary, standby } = Pair::start(folder.path());
    let pid = nix::unistd::Pid::from_raw(standby.pid().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP).unwrap();
    standby.stop(PATIENCE).unwrap();
    let log = fs::read_to_string(folder.path().join("logs/standby.log")).unwrap();
    assert!(log.contains("received fast shutdown request"), "{log}");
    drop(primary);
}

#[test]
fn a_standby_with_the_wrong_password_is_not_made() {
    let folder = folder(0o755);
    let primary = start(folder.path());
    primary.allow_replication("right").unwrap();
    let config = standby_config(folder.path(), &primary);
    let error = Cluster::start_standby(&Binaries::find().unwrap(), config).unwrap_err();
    assert!(
        error.to_string().contains("password authentication failed"),
        "{error}"
    );
    assert!(!folder.path().join("standby").exists());
}

#[test]
fn standbys_are_made_at_the_same_time() {
    let folder = folder(0o755);
    let primary = start(folder.path());
    primary.allow_replication(crate::support::PASSWORD).unwrap();
    psql(&primary, "create table kept as select 42 as answer");
    let made = |number: u32| {
        let mut config = standby_config(folder.path(), &primary);
        config.name = format!("region-{number}");
        config.server.data = folder.path().join(&config.name);
        start_standby(config)
    };
    let standbys: Vec<Cluster> = std::thread::scope(|scope| {
        let made = &made;
        let making: Vec<_> = (1..=4)
            .map(|number| scope.spawn(move || made(number)))
            .collect();
        // Checkpoints and WAL switches remove WAL that no standby needs.
        psql(&primary, "select pg_switch_wal()");
        psql(&primary, "checkpoint");
        making
            .into_iter()
            .map(|made| made.join().unwrap())
            .collect()
    });
    for standby in &standbys {
        awaits(standby, 42);
    }
}
