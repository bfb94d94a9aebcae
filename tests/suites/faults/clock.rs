//! A server with a wrong clock keeps serving, and its writes are valid.

use std::time::Duration;

use strongroom_e2e::{Database, Load, TestVault};
use tempfile::TempDir;

use super::settings;

/// Variables that set the wall clock as `file` says, by libfaketime (Debian's package `faketime`).
/// Timeouts use the monotonic clock, which stays correct.
pub(crate) fn wrong_clock(file: &str) -> Option<Vec<(String, String)>> {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let library = folders
        .map(|folder| folder.path().join("faketime/libfaketime.so.1"))
        .find(|library| library.exists())?;
    let variables = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", file),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("FAKETIME_DISABLE_SHM", "1"),
    ];
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Some(variables.map(owned).to_vec())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_may_jump_to_and_fro() {
    let folder = TempDir::with_prefix("strongroom-clock-").unwrap();
    let file = folder.path().join("clock");
    let set = |offset: &str| std::fs::write(&file, offset).unwrap();
    set("+0");
    let Some(variables) = wrong_clock(file.to_str().unwrap()) else {
        println!("skipped: libfaketime is missing (Debian's package faketime)");
        return;
    };
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let vault = TestVault::start_on(Database::create().await, &variables).await;
    let right = vault.start_server(&[]);
    vault.ready(&right.url()).await;
    let (doomed, _) = vault.new_organization("doomed");
    vault
        .run(&["org", "delete", "--org", &doomed.org])
        .assert_success();
    let admins = [vault.admin.clone(), vault.new_organization("other").0];
    let load = Load::start(&admins, &[vault.server.url(), right.url()], settings(19));
    for offset in ["+400d", "-400d", "+26h", "-1h", "+0"] {
        set(offset);
        load.has_done(80).await;
    }
    let failed = load.failed_requests();
    assert!(failed.is_empty(), "{failed:?}");
    let client = vault.database.connect().await;
    for moment in [
        "at > now() + interval '300 days'",
        "at < now() - interval '300 days'",
    ] {
        let query = format!("select count(*) from audit_events where {moment}");
        let count: i64 = client.query_one(&query, &[]).await.unwrap().get(0);
        assert!(count > 0, "the clock did not jump");
    }
    // The grace period of the organization has not ended, although the server's clock is past it.
    set("+30d");
    tokio::time::sleep(Duration::from_secs(6)).await;
    vault
        .run(&["org", "restore", "--org", &doomed.org])
        .assert_success();
    set("+0");
    let mut checked = load.stop().await;
    checked.is_whole(&vault, &right.url()).await;
    println!("{checked}");
}
