//! Rotation of organizations' keys during service.

mod load;
mod root;

use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use strongroom_e2e::{Api, Finished, TestVault, api_key, eventually, strongroom_binary};

use load::{Load, secret_of};

async fn count(vault: &TestVault, sql: &str) -> i64 {
    let client = vault.database.connect().await;
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// Rotates the vault's organization; returns the new generation.
fn rotate(vault: &TestVault, more: &[&str]) -> i64 {
    let args = ["rotate", "org", "--org", &vault.admin.org, "--json"];
    let rotated = vault.run(&[&args[..], more].concat()).json();
    rotated["generation"].as_i64().unwrap()
}

fn retire(vault: &TestVault, generation: &str) -> Finished {
    let org = &vault.admin.org;
    vault.run(&["rotate", "retire", "--org", org, "--generation", generation])
}

// A server checks its cached active generation at each write, also without a notice of a change.
#[tokio::test]
async fn nothing_is_written_under_a_generation_that_has_changed_unheard() {
    let vault = TestVault::start().await;
    for _ in 0..3 {
        vault.admin.create("before").await;
    }
    let client = vault.database.connect().await;
    let off = "update org_keys set active = false";
    client.batch_execute(off).await.unwrap();
    assert_ne!(vault.admin.post(&api_key("x")).await.status(), 201);
    assert_eq!(count(&vault, "select count(*) from credentials").await, 3);
    let on = "update org_keys set active = true";
    client.batch_execute(on).await.unwrap();
    vault.admin.create("after").await;
}

const ROTATIONS: &str = "/organizations/config/rotations";

/// Checks that the API lists the rotations to generations 3 and 2 as done.
async fn rotations_are_listed_as_done(api: &Api) {
    let answer: Value = api.get(ROTATIONS).await.json().await.unwrap();
    let rotations = answer["result"].as_array().unwrap();
    assert_eq!(rotations.len(), 2, "{answer}");
    for (rotation, generation) in rotations.iter().zip([3, 2]) {
        assert_eq!(rotation["generation"], generation);
        assert_eq!(rotation["state"], "done");
        assert_eq!(rotation["rows_left"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organizations_key_is_replaced_under_load() {
    let vault = TestVault::start().await;
    let second = vault.start_server(&[]);
    vault.ready(&second.url()).await;
    let org = &vault.admin.org;
    for number in 0..300 {
        vault.admin.create(&format!("early {number}")).await;
    }
    let load = Load::start(&[vault.admin.clone(), vault.admin.at(&second.url())]);
    let dry = vault.run(&["rotate", "org", "--org", org, "--dry-run", "--json"]);
    assert!(dry.json()["rows"].as_i64().unwrap() >= 300);
    assert_eq!(rotate(&vault, &[]), 2);
    let resealed = vault.run(&["rotate", "org", "--org", org, "--re-encrypt", "--json"]);
    let resealed = resealed.json();
    assert_eq!(resealed["generation"], 3);
    assert_eq!(resealed["re_encrypt"], true);
    load.finish(&vault.admin).await;

    let behind = "select count(*) from credentials where key_generation <> 3";
    assert_eq!(count(&vault, behind).await, 0);
    let events = "select count(*) from audit_events where action = 'credential.reseal'";
    assert!(count(&vault, events).await >= 300);
    retire(&vault, "3").assert_refused("rows still need");
    retire(&vault, "1").assert_success();
    retire(&vault, "2").assert_success();
    assert_eq!(count(&vault, "select count(*) from org_keys").await, 1);
    rotations_are_listed_as_done(&vault.admin).await;
    assert_eq!(vault.member.get(ROTATIONS).await.status(), 403);
}

const BEHIND: &str = "select count(*) from credentials where key_generation = 1";

/// Starts a rotation of the organization's 60 credentials, and kills it when some are done.
async fn interrupt_rotation(vault: &TestVault, more: &[&str]) {
    let org = &vault.admin.org;
    let mut rotating = Command::new(strongroom_binary())
        .args(["rotate", "org", "--org", org, "--throttle", "20"])
        .args(more)
        .env("STRONGROOM_DATABASE_URL", vault.database.superuser_url())
        .env("STRONGROOM_ROOT_KEY_FILE", vault.root_key_file())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    eventually("some rows are done", Duration::from_secs(20), async || {
        let left = count(vault, BEHIND).await;
        left > 0 && left < 60
    })
    .await;
    rotating.kill().unwrap();
    rotating.wait().unwrap();
}

async fn all_open(api: &Api, written: &[(String, String)]) {
    for (id, secret) in written {
        assert_eq!(&secret_of(api, id).await, secret);
    }
}

#[tokio::test]
async fn an_interrupted_rotation_is_gone_on_with() {
    for re_encrypt in [false, true] {
        let vault = TestVault::start().await;
        let mut written = Vec::new();
        for number in 0..60 {
            let secret = format!("secret {number}");
            written.push((vault.admin.create(&secret).await, secret));
        }
        let more: &[&str] = if re_encrypt { &["--re-encrypt"] } else { &[] };
        interrupt_rotation(&vault, more).await;
        all_open(&vault.admin, &written).await;
        if re_encrypt {
            // A running server notices that no process works on the rotation.
            let running = "select count(*) from rotations where state = 'running'";
            let limit = Duration::from_secs(60);
            eventually("the server resumes the rotation", limit, async || {
                count(&vault, running).await == 0
            })
            .await;
        } else {
            assert_eq!(rotate(&vault, &[]), 2);
        }
        assert_eq!(count(&vault, BEHIND).await, 0);
        all_open(&vault.admin, &written).await;
    }
}

#[tokio::test]
async fn a_server_that_slept_cannot_commit_under_a_retired_key() {
    let vault = TestVault::start().await;
    let sleeper = vault.start_server(&[]);
    let api = vault.admin.at(&sleeper.url());
    vault.ready(&api.url).await;
    let id = api.create("before").await;

    sleeper.signal(Signal::SIGSTOP);
    assert_eq!(rotate(&vault, &[]), 2);
    retire(&vault, "1").assert_success();
    sleeper.signal(Signal::SIGCONT);

    let new = api.create("after").await;
    let label = json!({"extcred_label": "x"});
    assert_eq!(api.patch(&id, &label).await.status(), 204);
    assert_eq!(secret_of(&vault.admin, &new).await, "after");
    assert_eq!(secret_of(&vault.admin, &id).await, "before");
    let behind = "select count(*) from credentials where key_generation <> 2";
    assert_eq!(count(&vault, behind).await, 0);
}

#[tokio::test]
async fn a_damaged_row_does_not_keep_the_others_from_the_new_key() {
    let vault = TestVault::start().await;
    let org = vault.admin.org.clone();
    let good = [
        vault.admin.create("one").await,
        vault.admin.create("two").await,
    ];
    let bad = vault.admin.create("three").await;
    let database = vault.database.connect().await;
    let damage = "update credentials \
                  set wrapped_key = set_byte(wrapped_key, 20, 255 - get_byte(wrapped_key, 20)) \
                  where cred_id = $1::text::uuid";
    database.execute(damage, &[&bad]).await.unwrap();
    for re_encrypt in [false, true] {
        let mut args = vec!["rotate", "org", "--org", &org];
        if re_encrypt {
            args.push("--re-encrypt");
        }
        vault.run(&args).assert_refused("1 credentials cannot");
        for (id, secret) in good.iter().zip(["one", "two"]) {
            assert_eq!(secret_of(&vault.admin, id).await, secret);
        }
    }
    assert_eq!(vault.admin.reveal(&bad).await.status(), 500);
    let query = format!("credentialId={bad}&purge=true");
    assert_eq!(vault.admin.delete(&query).await.status(), 204);
    vault
        .run(&["rotate", "org", "--org", &org])
        .assert_success();
    let generations = "select count(distinct key_generation) from credentials";
    assert_eq!(count(&vault, generations).await, 1);
}
