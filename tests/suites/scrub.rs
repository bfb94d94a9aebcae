//! An attacker with every right on the database changes stored credentials: `strongroom verify`
//! finds and names each change, and the API never returns a wrong plaintext.

mod attacks;
mod scene;

use std::time::Duration;

use serde_json::json;
use strongroom_e2e::{Api, Scrape, TestVault, eventually};

use attacks::{edits, flips, swaps};
use scene::Scene;

#[tokio::test]
async fn whatever_is_done_to_a_row_is_found_and_named() {
    // One statement puts rows of several shards into each other's place.
    let scene = Scene::set(TestVault::start_unsharded().await).await;
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
    let scene = Scene::set(TestVault::start().await).await;
    let delete = format!("credentialId={}&purge=true", scene.target);
    assert_eq!(scene.vault.admin.delete(&delete).await.status(), 204);
    assert_eq!(scene.findings(), []);
    scene
        .attack("insert into credentials select * from kept_credentials where cred_id = :target")
        .await;
    let put_back = ("target".to_owned(), "put_back".to_owned());
    assert_eq!(scene.findings(), [put_back]);
    // An old version that is put back and deleted leaves no finding.
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
            "insert into credentials \
             select org_id, '{invented}', provider, cred_type, label, version, \
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
    let scene = Scene::set(TestVault::start().await).await;
    let (org, target) = (&scene.vault.admin.org, &scene.target);
    let fine = scene.vault.run(&["verify"]);
    fine.assert_success();
    assert_eq!(
        fine.stdout,
        "checked 3 credential(s) and 13 audit event(s) of 2 organization(s): intact\n"
    );

    scene
        .attack("update credentials set label = 'edited' where cred_id = :target")
        .await;
    // The servers' role is sufficient, although row-level security binds it.
    let (url, root_key) = (scene.vault.database.app_url(), scene.vault.root_key_file());
    let variables = [
        ("STRONGROOM_DATABASE_URL", url.as_str()),
        ("STRONGROOM_ROOT_KEY_FILE", root_key.as_str()),
    ];
    let found = strongroom_e2e::run(&["verify", "--org", org], &variables);
    assert!(!found.success);
    for what in ["does not open", "is not what was written"] {
        found.assert_failed_with(&format!("organization {org} credential {target} {what}"));
    }
    found.assert_failed_with("checked 2 credential(s) and 8 audit event(s) of 1");
    found.assert_refused("2 finding(s)");

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
        let delete = format!("credentialId={short_lived}&purge=true");
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
    let runs = "strongroom_scrub_runs_total";
    let limit = Duration::from_secs(30);
    let (first, vault_url) = (vault.admin.clone(), vault.admin.url.clone());
    vault.ready(&vault_url).await;
    eventually("a clean run", limit, async || {
        metric(&first, "strongroom_scrub_rows_total").await > 0
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
    let flip = "update credentials \
         set sealed_blob = set_bit(sealed_blob, 110, 1 - get_bit(sealed_blob, 110))";
    database.execute(flip, &[]).await.unwrap();
    eventually("the finding is counted", limit, async || {
        metric(&first, "strongroom_integrity_failures_total").await > 0
    })
    .await;
    vault.server.wait_for_log("\"problem\":\"does_not_open\"");
    assert!(vault.server.log().contains(&id));
    eventually("the run has ended", limit, async || {
        metric(&first, "strongroom_scrub_last_run_findings").await == 2
    })
    .await;
    assert!(metric(&first, "strongroom_scrub_last_run_timestamp_seconds").await > 1_700_000_000);

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
    let scene = Scene::set(TestVault::start().await).await;
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

/// An event that is edited no longer proves what was written: the server verifies the trail too.
#[tokio::test]
async fn the_background_scrub_verifies_the_audit_trail() {
    let vault = TestVault::start_with(&[("STRONGROOM_SCRUB_INTERVAL", "1s")]).await;
    vault.admin.create("canary").await;
    let active = async || {
        let metrics = Scrape::of(&vault.admin.url).await;
        let condition = ["of=\"server\"", "condition=\"audit_altered\""];
        metrics.number("strongroom_condition_active", &condition)
    };
    let verified = async || {
        let metrics = Scrape::of(&vault.admin.url).await;
        metrics.number("strongroom_audit_verified_events_total", &[]) > 0.0
    };
    eventually("a scrub ends", Duration::from_secs(30), verified).await;
    assert_eq!(active().await, 0.0);
    let edit = |from: &str, to: &str| {
        format!(
            "update audit_events set outcome = '{to}' where action = 'credential.create' \
             and outcome = '{from}'"
        )
    };
    let database = vault.database.connect().await;
    database.batch_execute(&edit("ok", "denied")).await.unwrap();
    eventually(
        "the condition is active",
        Duration::from_secs(30),
        async || active().await > 0.0,
    )
    .await;
    let log = vault.server.log();
    assert!(log.contains("\"problem\":\"altered\""), "{log}");
    database.batch_execute(&edit("denied", "ok")).await.unwrap();
    eventually("the condition ends", Duration::from_secs(30), async || {
        active().await < 1.0
    })
    .await;
}
