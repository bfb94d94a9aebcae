//! `strongroom backup` and `strongroom restore`: what comes back, and what is in the file.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use strongroom_e2e::{Database, TestVault, run, strongroom_binary};

use crate::safe::{Safe, census, verifies};

#[tokio::test]
async fn everything_comes_back_in_another_database() {
    let mut vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let (other, _) = vault.new_organization("other");
    let first = vault.admin.create("first").await;
    assert!(vault.run(&["rotate", "org", "--all"]).success);
    let changed = vault.admin.create("before").await;
    let body = json!({"json_blob": {"api_key": "after"}, "extcred_label": "renamed"});
    assert_eq!(vault.admin.patch(&changed, &body).await.status(), 204);
    let deleted = vault.admin.create("deleted").await;
    let gone = format!("credentialId={deleted}");
    assert_eq!(vault.admin.delete(&gone).await.status(), 204);
    let big = "x".repeat(40_000);
    let others = other.create(&big).await;
    assert_eq!(other.secret(&others).await["api_key"], big.as_str());

    let made = safe.back_up(&vault, "all", &["--json"]).json();
    assert_eq!(
        (&made["organizations"], &made["findings"]),
        (&json!(2), &json!(0))
    );
    let mode = std::fs::metadata(safe.path("all")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&mode.permissions());
    assert_eq!(mode & 0o777, 0o600);

    let (before, listed) = (census(&vault.database).await, vault.admin.list().await);
    let database = Database::create().await;
    let restored = safe.restore(&vault, &database, "all", &["--json"]).json();
    for plan in restored["organizations"].as_array().unwrap() {
        assert_eq!(plan["refused"], Value::Null);
        assert_eq!(plan["exists"], false);
    }
    vault.database = database;
    verifies(&vault);
    let after = census(&vault.database).await;
    for table in [
        "credentials",
        "api_keys",
        "org_keys",
        "organizations",
        "rotations",
        "service_keys",
    ] {
        assert_eq!(after[table], before[table], "{table}");
    }
    // The backup's own event is in it; each restored organization has one more.
    assert_eq!(after["audit_events"], before["audit_events"] + 2);
    vault.replace_server(&[]).await;
    let other = other.at(&vault.admin.url);
    assert_eq!(vault.admin.secret(&first).await["api_key"], "first");
    assert_eq!(vault.admin.secret(&changed).await["api_key"], "after");
    assert_eq!(other.secret(&others).await["api_key"], big.as_str());
    assert_eq!(vault.admin.reveal(&deleted).await.status(), 404);
    let ids = |items: &[Value]| -> Vec<Value> {
        items
            .iter()
            .map(|item| item["external_cred_id"].clone())
            .collect()
    };
    assert_eq!(ids(&vault.member.list().await), ids(&listed));
    let later = vault.admin.create("later").await;
    assert_eq!(vault.admin.secret(&later).await["api_key"], "later");
    assert!(vault.run(&["rotate", "org", "--all"]).success);
    verifies(&vault);
}

#[tokio::test]
async fn a_second_restore_and_a_dry_run_change_nothing() {
    let vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    for secret in ["one", "two", "three"] {
        vault.admin.create(secret).await;
    }
    assert!(safe.back_up(&vault, "all", &[]).success);
    let database = Database::create().await;
    let empty = census(&database).await;
    let dry = safe
        .restore(&vault, &database, "all", &["--dry-run", "--json"])
        .json();
    let plan = &dry["organizations"][0];
    assert_eq!(
        plan["credentials"],
        json!({"insert": 3, "same": 0, "newer": 0, "differ": 0})
    );
    assert_eq!(plan["api_keys"]["insert"], 2);
    assert_eq!(census(&database).await, empty);
    let told = safe.restore(&vault, &database, "all", &["--dry-run"]);
    assert!(
        told.stdout.contains("would restore 3 credential(s)"),
        "{}",
        told.stdout
    );

    let restored = safe.restore(&vault, &database, "all", &[]);
    assert!(
        restored.success && restored.stdout.contains("restored 3 credential(s)"),
        "{restored:?}"
    );
    let once = census(&database).await;
    assert_ne!(once, empty);
    let again = safe.restore(&vault, &database, "all", &[]);
    assert!(
        again.success && again.stdout.contains("nothing to restore"),
        "{again:?}"
    );
    assert_eq!(census(&database).await, once);
    // Into the database that was backed up there is nothing to restore either.
    let before = census(&vault.database).await;
    let own = safe.restore(&vault, &vault.database, "all", &[]);
    assert!(
        own.success && own.stdout.contains("nothing to restore"),
        "{own:?}"
    );
    assert_eq!(census(&vault.database).await, before);
}

#[tokio::test]
async fn one_organization_is_backed_up_and_restored_alone() {
    let mut vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let (other, _) = vault.new_organization("other");
    let mine = vault.admin.create("mine").await;
    other.create("others").await;
    let org = vault.admin.org.clone();
    assert!(safe.back_up(&vault, "one", &["--org", &org]).success);
    assert!(!safe.decrypted("one").contains(&other.org));
    assert!(safe.back_up(&vault, "all", &[]).success);
    let missing = safe.restore(&vault, &vault.database, "one", &["--org", &other.org]);
    assert!(
        !missing.success && missing.stderr.contains("has no organization"),
        "{missing:?}"
    );

    let from_all = Database::create().await;
    let restored = safe.restore(&vault, &from_all, "all", &["--org", &org]);
    assert!(restored.success, "{}", restored.stderr);
    assert_eq!(census(&from_all).await["organizations"], 1);
    let database = Database::create().await;
    let restored = safe.restore(&vault, &database, "one", &[]);
    assert!(restored.success, "{}", restored.stderr);
    vault.database = database;
    verifies(&vault);
    vault.replace_server(&[]).await;
    assert_eq!(vault.admin.secret(&mine).await["api_key"], "mine");
    // The rest can follow.
    let rest = safe.restore(&vault, &vault.database, "all", &[]);
    assert!(rest.success, "{}", rest.stderr);
    verifies(&vault);
    assert_eq!(other.at(&vault.admin.url).list().await.len(), 1);
}

#[tokio::test]
async fn no_secret_is_in_the_file_and_who_lacks_the_identity_sees_nothing() {
    let vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let canary = "canary-0c7d1b93a4";
    let id = vault.admin.create(canary).await;
    assert_eq!(vault.admin.secret(&id).await["api_key"], canary);
    assert!(safe.back_up(&vault, "all", &[]).success);
    let (text, raw) = (
        safe.decrypted("all"),
        std::fs::read(safe.path("all")).unwrap(),
    );
    assert!(
        text.contains(&id) && text.lines().count() > 8,
        "an empty backup"
    );
    let root_key = std::fs::read_to_string(vault.root_key_file()).unwrap();
    let root_key = root_key
        .lines()
        .last()
        .unwrap()
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    let (_, api_key) = vault.admin.key.rsplit_once('_').unwrap();
    let hex: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
    // The three ways in which its middle can stand in base64.
    let shifted = [
        "nYXJ5LTBjN2QxYjkzYT",
        "jYW5hcnktMGM3ZDFiOT",
        "FuYXJ5LTBjN2QxYjkz",
    ];
    for secret in [canary, &root_key, api_key, &hex]
        .into_iter()
        .chain(shifted)
    {
        assert!(!text.contains(secret), "{secret}");
    }
    for known in [id.as_bytes(), b"credential", vault.admin.org.as_bytes()] {
        let seen = raw.windows(known.len()).any(|bytes| bytes == known);
        assert!(!seen, "the file is not encrypted");
    }
}

#[tokio::test]
async fn a_backup_beside_writers_is_of_one_moment() {
    let mut vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writers: Vec<_> = (0..8)
        .map(|number| {
            let (api, stop) = (vault.admin.clone(), stop.clone());
            tokio::spawn(async move {
                let mut made = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let id = api.create(&format!("secret {number}")).await;
                    let change = json!({"json_blob": {"api_key": "changed"}});
                    assert_eq!(api.patch(&id, &change).await.status(), 204);
                    if made % 3 == 0 {
                        let query = format!("credentialId={id}");
                        assert_eq!(api.delete(&query).await.status(), 204);
                    }
                    made += 1;
                }
                made
            })
        })
        .collect();
    let mut finished = Vec::new();
    for round in 0..3 {
        let (file, recipient) = (
            safe.path(&round.to_string()),
            safe.identity.to_public().to_string(),
        );
        let url = vault.database.superuser_url();
        let root_key = vault.root_key_file();
        let ended = tokio::task::spawn_blocking(move || {
            let args = [
                "backup",
                "--output",
                &file,
                "--recipient",
                &recipient,
                "--json",
            ];
            run(
                &args,
                &[
                    ("STRONGROOM_DATABASE_URL", &url),
                    ("STRONGROOM_ROOT_KEY_FILE", &root_key),
                ],
            )
        });
        finished.push(ended.await.unwrap());
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut made = 0;
    for writer in writers {
        made += writer.await.unwrap();
    }
    assert!(made > 10, "hardly anything was written meanwhile: {made}");
    for (round, finished) in finished.iter().enumerate() {
        assert_eq!(finished.json()["findings"], 0, "{finished:?}");
        let database = Database::create().await;
        let restored = safe.restore(&vault, &database, &round.to_string(), &[]);
        assert!(restored.success, "{}", restored.stderr);
        vault.database = database;
        verifies(&vault);
    }
}

#[tokio::test]
async fn it_goes_through_pipes() {
    let vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    vault.admin.create("piped").await;
    let recipients = safe.path("recipients");
    let lines = format!("# who may\n\n{}\n", safe.identity.to_public());
    std::fs::write(&recipients, lines).unwrap();
    let program = |args: &[&str], url: String| {
        let mut command = Command::new(strongroom_binary());
        command
            .args(args)
            .env_clear()
            .env("STRONGROOM_DATABASE_URL", url)
            .env("STRONGROOM_ROOT_KEY_FILE", vault.root_key_file());
        command
    };
    let database = Database::create().await;
    // A role that row-level security binds, with the one right more than a server's that is needed.
    let grant = "grant insert, update on audit_checkpoints to strongroom_app";
    database.connect().await.execute(grant, &[]).await.unwrap();
    let mut backup = program(
        &["backup", "--output", "-", "--recipients-file", &recipients],
        vault.database.app_url(),
    )
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    let identity = safe.path("identity");
    let restored = program(
        &["restore", "--input", "-", "--identity", &identity],
        database.app_url(),
    )
    .stdin(backup.stdout.take().unwrap())
    .output()
    .unwrap();
    assert!(backup.wait().unwrap().success());
    let told = String::from_utf8(restored.stdout).unwrap();
    assert!(
        restored.status.success() && told.contains("restored 1 credential(s)"),
        "{told}"
    );
    assert_eq!(census(&database).await["credentials"], 1);
    let left: Vec<PathBuf> = std::fs::read_dir(safe.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[tokio::test]
async fn every_table_is_backed_up_or_can_be_made_anew() {
    let database = Database::create().await;
    let tables: Vec<String> = census(&database).await.into_keys().collect();
    let backed_up = [
        "api_keys",
        "audit_checkpoints",
        "audit_events",
        "credential_uses",
        "credentials",
        "key_uses",
        "org_keys",
        "organizations",
        "root_keys",
        "root_rotations",
        "rotations",
        "service_keys",
    ];
    // What is under way for a day at most, who runs, and what `strongroom migrate` writes.
    let made_anew = [
        "idempotency_keys",
        "key_epoch",
        "operations",
        "schema_migrations",
        "servers",
    ];
    let mut known: Vec<&str> = backed_up.into_iter().chain(made_anew).collect();
    known.sort_unstable();
    assert_eq!(
        tables, known,
        "a new table belongs into backups, or into this list"
    );
}
