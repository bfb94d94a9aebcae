//! kill -9 under load at arbitrary moments: each acknowledged write is present and opens, each
//! unacknowledged one is present or absent as a whole, and recovery needs no operator.

use std::path::Path;
use std::time::Duration;

use strongroom_e2e::{Fault, LoadSettings, Stage};

use super::{is_whole, survives};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_nothing_acknowledged_is_lost() {
    let mut stage = Stage::set(3, false).await;
    // Busy callers, so that the kill interrupts a commit.
    let load = stage.load(LoadSettings {
        callers: 4,
        pause: Duration::from_millis(1),
        seed: 7,
    });
    let short = Duration::from_millis(200);
    let rounds = [
        Fault::ServersKilled,
        Fault::DatabaseKilled,
        Fault::EverythingKilled,
        Fault::DatabaseKilled,
        Fault::ServersKilled,
        Fault::EverythingKilled,
    ];
    survives(&mut stage, &load, &rounds.map(|fault| (fault, short))).await;
    is_whole(&stage, load).await;
    found_nowhere(stage.cluster.folder());
}

/// Checks that no file in `folder` contains a secret: tables, write-ahead log, PostgreSQL's log.
fn found_nowhere(folder: &Path) {
    let mut searched = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                searched += bytes.len();
                let found = bytes.windows(7).any(|window| window == b"canary-");
                assert!(!found, "plaintext in {}", path.display());
            }
        }
    }
    assert!(searched > 10_000_000, "only {searched} bytes were searched");
}
