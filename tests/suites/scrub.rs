//! An attacker with every right on the database: whatever they do to stored credentials, `strongroom verify`
//! finds it and names it, and the API gives nobody a wrong plaintext.

mod attacks;

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_e2e::{Api, TestVault, eventually};
use tokio_postgres::Client;

use attacks::{edits, flips, swaps};

/// One credential under attack, one beside it and one of another organization.
struct Scene {
    vault: TestVault,
    database: Client,
    other_org: String,
    target: String,
    neighbor: String,
    foreign: String,
}

impl Scene {
    async fn set() -> Self {
        let vault = TestVault::start().await;
        let (other, _) = vault.new_organization("other");
        let target = vault.admin.create("first secret of the target").await;
        let neighbor = vault.admin.create("secret of the neighbor").await;
        let foreign = other.create("secret of another organization").await;
        let database = vault.database.connect().await;
        keep(&database, "old").await;
        let change = json!({"json_blob": {"api_key": "second secret of the target"}});
        assert_eq!(vault.admin.patch(&target, &change).await.status(), 204);
        keep(&database, "kept").await;
        Self {
            vault,
            database,
            other_org: other.org,
            target,
            neighbor,
            foreign,
        }
    }

    /// Does `sql` as the attacker, with the ids in place of :target, :neighbor and :foreign.
    async fn attack(&self, sql: &str) {
        let quoted = |id: &str| format!("'{id}'");
        let sql = sql
            .replace(":target", &quoted(&self.target))
            .replace(":neighbor", &quoted(&self.neighbor))
            .replace(":foreign", &quoted(&self.foreign))
            .replace(":org", &quoted(&self.vault.admin.org));
        self.database.batch_execute(&sql).await.expect(&sql);
    }

    /// Puts everything back as it was.
    async fn undo(&self) {
        let sql = "delete from credentials; insert into credentials select * from kept_credentials; \
             delete from org_keys; insert into org_keys select * from kept_org_keys";
        self.database.batch_execute(sql).await.unwrap();
    }

    /// What `strongroom verify` finds: (what it is about, problem), in order.
    fn findings(&self) -> Vec<(String, String)> {
        let done = self.vault.run(&["verify", "--json"]);
        let value: Value = serde_json::from_str(&done.stdout).expect(&done.stderr);
        let findings = value["findings"].as_array().unwrap();
        assert_eq!(done.success, findings.is_empty());
        assert_eq!(value["findings_total"], findings.len());
        assert_no_secret(&done.stdout);
        assert_no_secret(&done.stderr);
        findings.iter().map(|finding| self.named(finding)).collect()
    }

    fn named(&self, finding: &Value) -> (String, String) {
        let org = finding["org_id"].as_str().unwrap();
        let about = match finding["external_cred_id"].as_str() {
            None => "keys",
            Some(id) if id == self.target => "target",
            Some(id) if id == self.neighbor => "neighbor",
            Some(id) if id == self.foreign => "foreign",
            Some(id) => id,
        };
        let foreign = org == self.other_org;
        assert!(foreign || org == self.vault.admin.org);
        assert_eq!(about == "foreign", foreign);
        let problem = finding["problem"].as_str().unwrap();
        (about.to_owned(), problem.to_owned())
    }

    /// What the API says of the target: an error, or something that was sealed for the target.
    async fn reads_right_or_not_at_all(&self, case: &str) {
        for (id, own) in [
            (&self.target, "of the target"),
            (&self.neighbor, "of the neighbor"),
        ] {
            let answer = self.vault.admin.reveal(id).await;
            let status = answer.status().as_u16();
            let body: Value = answer.json().await.unwrap();
            match status {
                200 => {
                    let secret = body["result"]["json_blob"]["api_key"].as_str().unwrap();
                    assert!(secret.contains(own), "{case}: {secret}");
                }
                404 | 500 => assert!(body.get("result").is_none(), "{case}"),
                other => panic!("{case}: {other}"),
            }
        }
    }
}

async fn keep(database: &Client, name: &str) {
    let sql = format!(
        "create table {name}_credentials as table credentials; \
         create table {name}_org_keys as table org_keys; \
         alter table {name}_credentials enable row level security; \
         alter table {name}_credentials force row level security; \
         alter table {name}_org_keys enable row level security; \
         alter table {name}_org_keys force row level security"
    );
    database.batch_execute(&sql).await.unwrap();
}

fn assert_no_secret(text: &str) {
    assert!(!text.contains("secret of"), "{text}");
}

#[tokio::test]
async fn whatever_is_done_to_a_row_is_found_and_named() {
    let scene = Scene::set().await;
    assert_eq!(scene.findings(), []);
    for (sql, expected) in [flips(), swaps(), edits()].concat() {
        scene.attack(&sql).await;
        let expected: Vec<_> = expected
            .iter()
            .map(|(about, problem)| ((*about).to_owned(), (*problem).to_owned()))
            .collect();
        assert_eq!(scene.findings(), expected, "{sql}");
        scene.reads_right_or_not_at_all(&sql).await;
        scene.undo().await;
    }
    assert_eq!(scene.findings(), []);
}

#[tokio::test]
async fn a_deleted_row_put_back_and_a_row_from_nowhere_are_found() {
    let scene = Scene::set().await;
    let delete = format!("credentialId={}", scene.target);
    assert_eq!(scene.vault.admin.delete(&delete).await.status(), 204);
    assert_eq!(scene.findings(), []);
    scene
        .attack("insert into credentials select * from kept_credentials where cred_id = :target")
        .await;
    let put_back = ("target".to_owned(), "put_back".to_owned());
    assert_eq!(scene.findings(), [put_back]);
    // Deleted again as an old version, then the newer one put back: no event may hide behind another.
    scene
        .attack(
            "delete from credentials where cred_id = :target; \
                 insert into credentials select * from old_credentials where cred_id = :target",
        )
        .await;
    assert_eq!(scene.vault.admin.delete(&delete).await.status(), 204);
    assert_eq!(scene.findings(), []);

    let invented = "01900000-0000-7000-8000-000000000001";
    scene
        .attack(&format!(
            "insert into credentials select org_id, '{invented}', provider, cred_type, label, version, \
             key_generation, wrapped_key, sealed_blob, updated_at, pieces_user \
             from credentials where cred_id = :neighbor"
        ))
        .await;
    let about = |problem: &str| (invented.to_owned(), problem.to_owned());
    assert_eq!(
        scene.findings(),
        [about("does_not_open"), about("unwritten")]
    );
}

#[tokio::test]
async fn people_read_what_was_found_and_where() {
    let scene = Scene::set().await;
    let (org, target) = (&scene.vault.admin.org, &scene.target);
    let fine = scene.vault.run(&["verify"]);
    assert!(fine.success, "{}", fine.stderr);
    let text = "checked 3 credential(s) of 2 organization(s): intact\n";
    assert_eq!(fine.stdout, text);

    scene
        .attack("update credentials set label = 'edited' where cred_id = :target")
        .await;
    // As a server's role too, which row-level security binds.
    let (url, root_key) = (scene.vault.database.app_url(), scene.vault.root_key_file());
    let variables = [
        ("STRONGROOM_DATABASE_URL", url.as_str()),
        ("STRONGROOM_ROOT_KEY_FILE", root_key.as_str()),
    ];
    let found = strongroom_e2e::run(&["verify", "--org", org], &variables);
    assert!(!found.success);
    let line = format!("organization {org} credential {target} is not what was written");
    assert!(found.stdout.starts_with(&line), "{}", found.stdout);
    assert!(
        found.stdout.contains("checked 2 credential(s) of 1"),
        "{}",
        found.stdout
    );
    assert!(found.stderr.contains("1 finding(s)"), "{}", found.stderr);

    let elsewhere = scene.vault.run(&["verify", "--org", &scene.other_org]);
    assert!(elsewhere.success, "{}", elsewhere.stdout);
    let nowhere = scene.vault.run(&["verify", "--org", target]);
    assert!(
        nowhere.stderr.contains("there is no organization"),
        "{}",
        nowhere.stderr
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn live_traffic_is_no_false_alarm() {
    let vault = TestVault::start().await;
    let mut ids = Vec::new();
    for round in 0..120 {
        ids.push(vault.admin.create(&format!("secret {round}")).await);
    }
    let mut load = tokio::task::JoinSet::new();
    for worker in 0..6 {
        let (api, ids) = (vault.admin.clone(), ids.clone());
        load.spawn(async move { churn(&api, &ids, worker).await });
    }
    for _ in 0..6 {
        let done = vault.run(&["verify", "--json"]);
        assert!(done.success, "{} {}", done.stdout, done.stderr);
    }
    load.shutdown().await;
    let done = vault.run(&["verify", "--json"]).json();
    assert!(done["credentials"].as_u64().unwrap() >= 120);
}

async fn churn(api: &Api, ids: &[String], worker: usize) {
    for round in 0.. {
        let id = &ids[(worker * 31 + round * 7) % ids.len()];
        let change = json!({"extcred_label": format!("{worker} {round}")});
        assert_eq!(api.patch(id, &change).await.status(), 204);
        let short_lived = api.create("short-lived").await;
        let delete = format!("credentialId={short_lived}");
        assert_eq!(api.delete(&delete).await.status(), 204);
    }
}

async fn metric(api: &Api, name: &str) -> u64 {
    let answer = api
        .bare(reqwest::Method::GET, "/metrics")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let text = answer.text().await.unwrap();
    assert!(!text.contains(&api.org), "{text}");
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")));
    let value = line.unwrap_or_else(|| panic!("no {name} in {text}"));
    value.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn servers_scrub_in_the_background_one_at_a_time() {
    let often = [("STRONGROOM_SCRUB_INTERVAL", "1s")];
    let mut vault = TestVault::start_with(&often).await;
    let id = vault.admin.create("secret").await;
    let runs = "strongroom_verify_runs_total";
    let limit = Duration::from_secs(30);
    let (first, vault_url) = (vault.admin.clone(), vault.admin.url.clone());
    vault.ready(&vault_url).await;
    eventually("a clean run", limit, async || {
        metric(&first, "strongroom_verify_rows_total").await > 0
    })
    .await;
    assert_eq!(
        metric(&first, "strongroom_integrity_failures_total").await,
        0
    );

    let second_server = vault.start_server(&often);
    let second = first.at(&second_server.url());
    vault.ready(&second.url).await;
    let database = vault.database.connect().await;
    let flip = "update credentials set sealed_blob = set_bit(sealed_blob, 110, 1 - get_bit(sealed_blob, 110))";
    database.execute(flip, &[]).await.unwrap();
    eventually("the finding is counted", limit, async || {
        metric(&first, "strongroom_integrity_failures_total").await > 0
    })
    .await;
    vault.server.wait_for_log("\"problem\":\"does_not_open\"");
    assert!(vault.server.log().contains(&id));
    eventually("the run has ended", limit, async || {
        metric(&first, "strongroom_verify_last_run_findings").await == 2
    })
    .await;
    assert!(metric(&first, "strongroom_verify_last_run_timestamp_seconds").await > 1_700_000_000);

    assert_eq!(metric(&first, "strongroom_seal_failures_total").await, 0);
    assert_eq!(first.reveal(&id).await.status(), 500);
    assert_eq!(metric(&first, "strongroom_seal_failures_total").await, 1);
    assert_eq!(metric(&second, runs).await, 0);

    vault.server.kill();
    eventually("another server takes over", limit, async || {
        metric(&second, runs).await > 0
    })
    .await;
}

#[tokio::test]
async fn a_reveal_of_a_broken_row_is_recorded() {
    let vault = TestVault::start().await;
    let database = vault.database.connect().await;
    for what in ["provider = 'nonsense'", "version = version + 1"] {
        let id = vault.admin.create("secret").await;
        let change = format!("update credentials set {what} where cred_id = $1::text::uuid");
        database.execute(&change, &[&id]).await.unwrap();
        assert_eq!(vault.admin.reveal(&id).await.status(), 500);
        let recorded = "select from audit_events where cred_id = $1::text::uuid \
             and action = 'credential.reveal' and outcome = 'integrity_failure'";
        assert_eq!(
            database.query(recorded, &[&id]).await.unwrap().len(),
            1,
            "{what}"
        );
    }
}

#[tokio::test]
async fn an_older_row_put_back_is_still_found_when_it_was_changed_since() {
    let scene = Scene::set().await;
    scene
        .attack(
            "delete from credentials where cred_id = :target; \
                 insert into credentials select * from old_credentials where cred_id = :target",
        )
        .await;
    let change = json!({"extcred_label": "changed since"});
    let changed = scene.vault.admin.patch(&scene.target, &change).await;
    assert_eq!(changed.status(), 204);
    let forked = ("target".to_owned(), "forked".to_owned());
    assert_eq!(scene.findings(), [forked]);
}
