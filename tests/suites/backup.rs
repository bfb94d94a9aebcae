//! `strongroom backup` and `strongroom restore`: what is backed up and restored.

mod output;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use strongroom_e2e::{Api, Database, TestVault};

use crate::safe::{Safe, census, verifies};

/// Credentials of two organizations: one from before a rotation, a changed one, a deleted one, and
/// a large one of the other organization.
struct Contents {
    first: String,
    changed: String,
    deleted: String,
    other: Api,
    others: String,
    large: String,
}

impl Contents {
    async fn create(vault: &TestVault) -> Self {
        let (other, _) = vault.new_organization("other");
        let first = vault.admin.create("first").await;
        vault.run(&["rotate", "org", "--all"]).assert_success();
        let changed = vault.admin.create("before").await;
        let body = json!({"json_blob": {"api_key": "after"}, "extcred_label": "renamed"});
        assert_eq!(vault.admin.patch(&changed, &body).await.status(), 204);
        let deleted = vault.admin.create("deleted").await;
        let query = format!("credentialId={deleted}");
        assert_eq!(vault.admin.delete(&query).await.status(), 204);
        let large = "x".repeat(40_000);
        let others = other.create(&large).await;
        assert_eq!(other.secret(&others).await["api_key"], large.as_str());
        Self {
            first,
            changed,
            deleted,
            other,
            others,
            large,
        }
    }

    async fn are_served_by(&self, vault: &TestVault) {
        let api = &vault.admin;
        let other = self.other.at(&api.url);
        assert_eq!(api.secret(&self.first).await["api_key"], "first");
        assert_eq!(api.secret(&self.changed).await["api_key"], "after");
        let others = other.secret(&self.others).await;
        assert_eq!(others["api_key"], self.large.as_str());
        assert_eq!(api.reveal(&self.deleted).await.status(), 404);
    }
}

fn ids(items: &[Value]) -> Vec<&Value> {
    items.iter().map(|item| &item["external_cred_id"]).collect()
}

/// Tables that have the same number of rows after a restore.
const RESTORED_IN_FULL: [&str; 9] = [
    "credentials",
    "credential_versions",
    "relay_policies",
    "api_keys",
    "oauth_clients",
    "org_keys",
    "organizations",
    "rotations",
    "service_keys",
];

fn all_rows_are_back(before: &BTreeMap<String, i64>, after: &BTreeMap<String, i64>) {
    for table in RESTORED_IN_FULL {
        assert_eq!(after[table], before[table], "{table}");
    }
    // The backup contains its own event. Each of the two restored organizations gets another one,
    // and so does the installation.
    assert_eq!(after["audit_events"], before["audit_events"] + 3);
}

#[tokio::test]
async fn everything_comes_back_in_another_database() {
    let mut vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let contents = Contents::create(&vault).await;

    let made = safe.back_up(&vault, "all", &["--json"]).json();
    assert_eq!(made["organizations"], 2);
    assert_eq!(made["findings"], 0);
    let metadata = std::fs::metadata(safe.path("all")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);

    let (before, listed) = (census(&vault.database).await, vault.admin.list().await);
    let database = Database::create().await;
    let restored = safe.restore(&vault, &database, "all", &["--json"]).json();
    for plan in restored["organizations"].as_array().unwrap() {
        assert_eq!(plan["refused"], Value::Null);
        assert_eq!(plan["exists"], false);
    }
    vault.database = database;
    verifies(&vault);
    all_rows_are_back(&before, &census(&vault.database).await);
    vault.replace_server(&[]).await;
    contents.are_served_by(&vault).await;
    assert_eq!(ids(&vault.member.list().await), ids(&listed));
    let later = vault.admin.create("later").await;
    assert_eq!(vault.admin.secret(&later).await["api_key"], "later");
    vault.run(&["rotate", "org", "--all"]).assert_success();
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
    let dry = safe.restore(&vault, &database, "all", &["--dry-run"]);
    assert!(
        dry.stdout.contains("would restore 3 credential(s)"),
        "{dry:?}"
    );

    let restored = safe.restore(&vault, &database, "all", &[]);
    restored.assert_prints("restored 3 credential(s)");
    let once = census(&database).await;
    assert_ne!(once, empty);
    let again = safe.restore(&vault, &database, "all", &[]);
    again.assert_prints("nothing to restore");
    assert_eq!(census(&database).await, once);
    // The database that was backed up lacks nothing either.
    let before = census(&vault.database).await;
    let own = safe.restore(&vault, &vault.database, "all", &[]);
    own.assert_prints("nothing to restore");
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
    let backed_up = safe.back_up(&vault, "one", &["--org", &org]);
    backed_up.assert_success();
    assert!(!safe.decrypted("one").contains(&other.org));
    safe.back_up(&vault, "all", &[]).assert_success();
    let missing = safe.restore(&vault, &vault.database, "one", &["--org", &other.org]);
    missing.assert_refused("has no organization");

    let from_all = Database::create().await;
    let restored = safe.restore(&vault, &from_all, "all", &["--org", &org]);
    restored.assert_success();
    assert_eq!(census(&from_all).await["organizations"], 1);
    let database = Database::create().await;
    let restored = safe.restore(&vault, &database, "one", &[]);
    restored.assert_success();
    vault.database = database;
    verifies(&vault);
    vault.replace_server(&[]).await;
    assert_eq!(vault.admin.secret(&mine).await["api_key"], "mine");
    // The other organization can be restored later.
    let rest = safe.restore(&vault, &vault.database, "all", &[]);
    rest.assert_success();
    verifies(&vault);
    assert_eq!(other.at(&vault.admin.url).list().await.len(), 1);
}

#[tokio::test]
async fn every_table_is_backed_up_or_can_be_made_anew() {
    let database = Database::create().await;
    let tables: Vec<String> = census(&database).await.into_keys().collect();
    let backed_up = [
        "api_keys",
        "audit_checkpoints",
        "audit_events",
        "audit_root_leaves",
        "audit_roots",
        "credential_uses",
        "credential_versions",
        "credentials",
        "key_uses",
        "oauth_clients",
        "org_keys",
        "organization_ancestors",
        "organizations",
        "relay_policies",
        "root_keys",
        "root_rotations",
        "rotations",
        "service_keys",
    ];
    // Access tokens, sessions of the console, totals of the trail, requests of the last day,
    // running servers, the result of the next scrub, and the rows that `strongroom migrate` writes.
    let made_anew = [
        "access_tokens",
        "console_sessions",
        "daily_totals",
        "idempotency_keys",
        "key_epoch",
        "operations",
        "record_format",
        "schema_migrations",
        "scrub_results",
        "servers",
    ];
    let mut known: Vec<&str> = backed_up.into_iter().chain(made_anew).collect();
    known.sort_unstable();
    assert_eq!(
        tables, known,
        "add a new table to the backup, or to this list"
    );
}
