//! Signed roots of all audit trails, and results of background work that every server shows.

use std::time::Duration;

use strongroom_e2e::{Database, Finished, Scrape, TestVault, eventually};
use tempfile::TempDir;
use tokio_postgres::Client;

use crate::safe::Safe;

const EVERY_SECOND: [(&str, &str); 2] = [
    ("STRONGROOM_AUDIT_ROOT_INTERVAL", "1s"),
    ("STRONGROOM_SCRUB_INTERVAL", "off"),
];

/// A vault whose server has logged a root that covers the creation of a credential.
struct Scene {
    vault: TestVault,
    database: Client,
    folder: TempDir,
}

impl Scene {
    async fn set() -> Self {
        let vault = TestVault::start_with(&EVERY_SECOND).await;
        let database = vault.database.connect().await;
        vault.admin.create("k").await;
        let covering = "select encode(r.root, 'hex') from audit_roots r \
             join audit_root_leaves l using (at) join audit_events e using (org_id) \
             where e.action = 'credential.create' and e.at < l.at limit 1";
        let limit = Duration::from_secs(30);
        eventually(
            "a root that covers the credential is in the log",
            limit,
            async || {
                let root = database.query(covering, &[]).await.unwrap();
                let root: Option<String> = root.first().map(|row| row.get(0));
                root.is_some_and(|root| vault.server.log().contains(&root))
            },
        )
        .await;
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("log"), vault.server.log()).unwrap();
        Self {
            vault,
            database,
            folder,
        }
    }

    /// The whole log is read.
    fn verify_with_log(&self) -> Finished {
        let log = self.folder.path().join("log");
        let args = ["audit", "verify", "--heads", log.to_str().unwrap()];
        self.vault.run(&args)
    }

    async fn execute(&self, statement: &str) {
        self.database.batch_execute(statement).await.unwrap();
    }
}

#[tokio::test]
async fn the_log_shows_that_the_end_of_a_trail_is_gone() {
    let scene = Scene::set().await;
    scene.verify_with_log().assert_prints("intact");
    scene
        .execute("delete from audit_events where action = 'credential.create'")
        .await;
    // Without the log, the trail of another lane may not name the event.
    scene
        .verify_with_log()
        .assert_failed_with("but the root signed at");
}

#[tokio::test]
async fn leaves_that_were_removed_or_altered_are_noticed() {
    let scene = Scene::set().await;
    scene
        .execute("create table kept as table audit_root_leaves")
        .await;
    scene
        .execute("delete from audit_root_leaves where org_id in (select org_id from organizations)")
        .await;
    scene
        .verify_with_log()
        .assert_failed_with("the others were removed");
    let alter = "delete from audit_root_leaves; insert into audit_root_leaves \
                 select org_id, at, number, heads || heads, path from kept";
    scene.execute(alter).await;
    scene
        .verify_with_log()
        .assert_failed_with("was altered or inserted");
}

#[tokio::test]
async fn a_restored_database_verifies_with_the_log_from_before() {
    let mut scene = Scene::set().await;
    let safe = Safe::new();
    assert!(safe.back_up(&scene.vault, "all", &[]).success);
    let database = Database::create().await;
    let restored = safe.restore(&scene.vault, &database, "all", &[]);
    restored.assert_prints("the installation");
    scene.vault.database = database;
    scene.verify_with_log().assert_prints("intact");
}

/// The servers' role can insert roots, but no genuine ones.
#[tokio::test]
async fn forged_roots_hide_no_genuine_one() {
    let scene = Scene::set().await;
    for at in [
        "'infinity'",
        "now() + interval '20 years'",
        "now() + interval '1 minute'",
    ] {
        let forge = format!(
            "insert into audit_roots select {at}, leaves, root, previous, public_key, signature \
             from audit_roots limit 1"
        );
        scene.execute(&forge).await;
    }
    let head = scene.vault.run(&["audit", "head"]).stdout;
    assert!(head.contains("strongroom-audit-root-1"), "{head}");
    let last = "select max(at)::text from audit_roots where at < now()";
    let last = async || -> String { scene.database.query_one(last, &[]).await.unwrap().get(0) };
    let before = last().await;
    let limit = Duration::from_secs(30);
    eventually("roots are signed further on", limit, async || {
        last().await > before
    })
    .await;
}

#[tokio::test]
async fn a_root_of_another_vault_is_refused() {
    let (scene, other) = (Scene::set().await, Scene::set().await);
    let log = other.folder.path().join("log");
    let args = ["audit", "verify", "--heads", log.to_str().unwrap()];
    scene.vault.run(&args).assert_refused("names the root of");
    let head = scene.vault.run(&["audit", "head"]).stdout;
    assert!(
        head.starts_with("{\"format\":\"strongroom-audit-root-1\""),
        "{head}"
    );
}

#[tokio::test]
async fn every_server_shows_what_one_has_found() {
    let every = [
        ("STRONGROOM_AUDIT_ROOT_INTERVAL", "1s"),
        ("STRONGROOM_SCRUB_INTERVAL", "1s"),
    ];
    let vault = TestVault::start_with(&every).await;
    let never = [
        ("STRONGROOM_AUDIT_ROOT_INTERVAL", "off"),
        ("STRONGROOM_SCRUB_INTERVAL", "off"),
    ];
    let other = vault.start_server(&never);
    let url = other.url();
    vault.ready(&url).await;
    let shown = async |name: &str, labels: &[&str]| {
        let metrics = Scrape::of(&url).await;
        metrics.number(name, labels) > 0.5
    };
    let limit = Duration::from_secs(60);
    eventually("the other server shows the results", limit, async || {
        shown("strongroom_scrub_last_run_timestamp_seconds", &[]).await
            && shown("strongroom_audit_root_timestamp_seconds", &[]).await
    })
    .await;
    let database = vault.database.connect().await;
    let altered = "condition=\"audit_altered\"";
    let edit = "update audit_events set actor = 'operator' where action = 'credential.create'";
    vault.admin.create("k").await;
    database.batch_execute(edit).await.unwrap();
    eventually("the other server shows the finding", limit, async || {
        shown("strongroom_audit_last_run_findings", &[]).await
            && shown("strongroom_condition_active", &[altered]).await
    })
    .await;
}
