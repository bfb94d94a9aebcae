//! The output of a backup: what the file contains, writes during a backup, and pipes.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use strongroom_e2e::{Api, Database, Finished, TestVault, strongroom_binary};

use crate::safe::{Safe, census, verifies};

const CANARY: &str = "canary-0c7d1b93a4";
/// The middle of the canary in base64, at each of its three alignments.
const CANARY_BASE64: [&str; 3] = [
    "nYXJ5LTBjN2QxYjkzYT",
    "jYW5hcnktMGM3ZDFiOT",
    "FuYXJ5LTBjN2QxYjkz",
];

/// The key material in the vault's root key file.
fn root_key(vault: &TestVault) -> String {
    let text = std::fs::read_to_string(vault.root_key_file()).unwrap();
    let line = text.lines().last().unwrap();
    line.rsplit(':').next().unwrap().to_owned()
}

#[tokio::test]
async fn no_secret_is_in_the_file_and_who_lacks_the_identity_sees_nothing() {
    let vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let id = vault.admin.create(CANARY).await;
    assert_eq!(vault.admin.secret(&id).await["api_key"], CANARY);
    safe.back_up(&vault, "all", &[]).assert_success();
    let text = safe.decrypted("all");
    let raw = std::fs::read(safe.path("all")).unwrap();
    let lines = text.lines().count();
    assert!(text.contains(&id) && lines > 8, "an empty backup");
    let (_, api_key) = vault.admin.key.rsplit_once('_').unwrap();
    let hex: String = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
    let secrets = [CANARY, &root_key(&vault), api_key, &hex];
    for secret in secrets.into_iter().chain(CANARY_BASE64) {
        assert!(!text.contains(secret), "{secret}");
    }
    for known in [id.as_bytes(), b"credential", vault.admin.org.as_bytes()] {
        let seen = raw.windows(known.len()).any(|bytes| bytes == known);
        assert!(!seen, "the file is not encrypted");
    }
}

/// Creates, changes and deletes credentials until `stop`; returns how many were created.
async fn write_until(stop: Arc<AtomicBool>, api: Api, number: usize) -> usize {
    let mut created = 0;
    while !stop.load(Ordering::Relaxed) {
        let id = api.create(&format!("secret {number}")).await;
        let change = json!({"json_blob": {"api_key": "changed"}});
        assert_eq!(api.patch(&id, &change).await.status(), 204);
        if created % 3 == 0 {
            let query = format!("credentialId={id}");
            assert_eq!(api.delete(&query).await.status(), 204);
        }
        created += 1;
    }
    created
}

/// Backs `vault` up into the file `name`, without blocking the writers' thread.
async fn back_up_meanwhile(vault: &TestVault, safe: &Safe, name: &str) -> Finished {
    let (file, recipient) = (safe.path(name), safe.identity.to_public().to_string());
    let (url, root_key) = (vault.database.superuser_url(), vault.root_key_file());
    let finished = tokio::task::spawn_blocking(move || {
        let recipient = ["--recipient", &recipient, "--json"];
        strongroom_e2e::run(
            &[&["backup", "--output", &file], &recipient[..]].concat(),
            &[
                ("STRONGROOM_DATABASE_URL", &url),
                ("STRONGROOM_ROOT_KEY_FILE", &root_key),
            ],
        )
    });
    finished.await.unwrap()
}

#[tokio::test]
async fn a_backup_beside_writers_is_of_one_moment() {
    let mut vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let stop = Arc::new(AtomicBool::new(false));
    let start = |number| {
        let api = vault.admin.clone();
        tokio::spawn(write_until(stop.clone(), api, number))
    };
    let writers: Vec<_> = (0..8).map(start).collect();
    let files = ["0", "1", "2"];
    let mut finished = Vec::new();
    for file in files {
        finished.push(back_up_meanwhile(&vault, &safe, file).await);
    }
    stop.store(true, Ordering::Relaxed);
    let mut created = 0;
    for writer in writers {
        created += writer.await.unwrap();
    }
    assert!(created > 10, "too few writes during the backups: {created}");
    for (file, finished) in files.into_iter().zip(finished) {
        assert_eq!(finished.json()["findings"], 0, "{finished:?}");
        let database = Database::create().await;
        safe.restore(&vault, &database, file, &[]).assert_success();
        vault.database = database;
        verifies(&vault);
    }
}

/// `strongroom` with exactly the settings for `url` and the vault's root key.
fn program(vault: &TestVault, args: &[&str], url: String) -> Command {
    let mut command = Command::new(strongroom_binary());
    command
        .args(args)
        .env_clear()
        .env("STRONGROOM_DATABASE_URL", url)
        .env("STRONGROOM_ROOT_KEY_FILE", vault.root_key_file());
    command
}

#[tokio::test]
async fn it_goes_through_pipes() {
    let vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    vault.admin.create("piped").await;
    let recipients = safe.path("recipients");
    let lines = format!("# who may\n\n{}\n", safe.identity.to_public());
    std::fs::write(&recipients, lines).unwrap();
    let database = Database::create().await;
    // A restore by the servers' role, which row-level security binds, requires this further right.
    let grant = "grant insert, update on audit_checkpoints to strongroom_app";
    database.connect().await.execute(grant, &[]).await.unwrap();
    let args = ["backup", "--output", "-", "--recipients-file", &recipients];
    let mut backup = program(&vault, &args, vault.database.app_url())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let identity = safe.path("identity");
    let args = ["restore", "--input", "-", "--identity", &identity];
    let restored = program(&vault, &args, database.app_url())
        .stdin(backup.stdout.take().unwrap())
        .output()
        .unwrap();
    assert!(backup.wait().unwrap().success());
    let output = String::from_utf8(restored.stdout).unwrap();
    let complete = output.contains("restored 1 credential(s)");
    assert!(restored.status.success() && complete, "{output}");
    assert_eq!(census(&database).await["credentials"], 1);
    let folder = std::fs::read_dir(safe.folder.path()).unwrap();
    let left: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
