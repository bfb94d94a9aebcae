//! A credential that was revealed a moment ago is opened from memory, only while the primary still
//! has the row.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, Server, TestVault, failure};

/// A caller at a second server of the vault.
async fn second_server(vault: &TestVault) -> (Server, Api) {
    let server = vault.start_server(&[]);
    vault.ready(&server.url()).await;
    let api = vault.admin.at(&server.url());
    (server, api)
}

async fn answer(api: &Api, id: &str) -> Value {
    let answer = api.reveal(id).await;
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    body["result"].clone()
}

// The database has no last-used time until the end of the interval.
#[tokio::test]
async fn a_reveal_from_memory_has_the_time_of_the_one_before_it() {
    let variables = [("STRONGROOM_LAST_USED_FLUSH_INTERVAL", "30s")];
    let vault = TestVault::start_with(&variables).await;
    let id = vault.admin.create("canary").await;
    // The second one reads the row again, which then stays in memory.
    for _ in 0..2 {
        assert_eq!(answer(&vault.admin, &id).await.get("last_used_at"), None);
    }
    let mut before = String::new();
    for _ in 0..3 {
        let answer = answer(&vault.admin, &id).await;
        let used = answer["last_used_at"].as_str().unwrap().to_owned();
        assert!(used > before, "{used} is not after {before}");
        before = used;
    }
}

#[tokio::test]
async fn what_another_server_changed_is_revealed_from_then_on() {
    let vault = TestVault::start().await;
    let (_server, other) = second_server(&vault).await;
    let id = vault.admin.create("canary-0").await;
    for nth in 1..10 {
        let before = format!("canary-{}", nth - 1);
        for _ in 0..2 {
            assert_eq!(other.secret(&id).await["api_key"], before);
        }
        let change = json!({"json_blob": {"api_key": format!("canary-{nth}")}});
        assert_eq!(vault.admin.patch(&id, &change).await.status(), 204);
        let revealed = answer(&other, &id).await;
        let expected = format!("canary-{nth}");
        assert_eq!(revealed["json_blob"]["api_key"], expected);
        assert_eq!(revealed["value_version"], nth + 1);
    }
    let deleted = vault.admin.delete(&format!("credentialId={id}")).await;
    assert_eq!(deleted.status(), 204);
    assert_eq!(other.reveal(&id).await.status(), 404);
}

// What has changed is forgotten, so that asking for it again and again fails no further batch.
#[tokio::test]
async fn a_row_that_has_changed_fails_one_batch() {
    let vault = TestVault::start_unsharded().await;
    let (_server, other) = second_server(&vault).await;
    let id = vault.admin.create("canary").await;
    for _ in 0..2 {
        assert_eq!(other.secret(&id).await["api_key"], "canary");
    }
    let deleted = vault.admin.delete(&format!("credentialId={id}")).await;
    assert_eq!(deleted.status(), 204);
    for _ in 0..5 {
        assert_eq!(other.reveal(&id).await.status(), 404);
    }
    let failed = "strongroom_transactions_failed_total\
                  {database=\"primary\",kind=\"outdated_row\"}";
    assert_eq!(other.metric(failed).await, Some(1.0));
    // A server forgets what it changes itself.
    let own = other.create("canary").await;
    let change = json!({"json_blob": {"api_key": "canary-new"}});
    for _ in 0..2 {
        assert_eq!(other.secret(&own).await["api_key"], "canary");
    }
    assert_eq!(other.patch(&own, &change).await.status(), 204);
    assert_eq!(other.secret(&own).await["api_key"], "canary-new");
    assert_eq!(other.metric(failed).await, Some(1.0));
}

#[tokio::test]
async fn a_version_that_the_caller_has_is_not_sent_from_memory() {
    let vault = TestVault::start().await;
    let id = vault.admin.create("canary").await;
    let etag = answer(&vault.admin, &id).await["etag"].clone();
    for _ in 0..3 {
        let path = format!("{CREDENTIALS}/{id}");
        let asked = vault.admin.request(Method::GET, &path);
        let asked = asked.header("if-none-match", etag.as_str().unwrap());
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), 304);
        assert_eq!(answer.text().await.unwrap(), "");
    }
}

// A batch with a reveal of a row that has changed is committed without it.
#[tokio::test]
async fn a_change_does_not_fail_the_reveals_of_other_credentials() {
    let vault = TestVault::start().await;
    let (_server, other) = second_server(&vault).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut busy = Vec::new();
    for nth in 0..8 {
        let secret = format!("canary-{nth}");
        let id = other.create(&secret).await;
        let (api, stop) = (other.clone(), stop.clone());
        busy.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(api.secret(&id).await["api_key"], secret);
            }
        }));
    }
    let id = vault.admin.create("canary").await;
    other.secret(&id).await;
    for nth in 0..50 {
        let change = json!({"json_blob": {"api_key": format!("changed-{nth}")}});
        assert_eq!(vault.admin.patch(&id, &change).await.status(), 204);
        let changed = format!("changed-{nth}");
        for _ in 0..2 {
            assert_eq!(other.secret(&id).await["api_key"], changed);
        }
    }
    stop.store(true, Ordering::Relaxed);
    for task in busy {
        task.await.unwrap();
    }
}

// PostgreSQL gives a row another stamp for an update that changes nothing, too.
#[tokio::test]
async fn a_row_that_an_older_one_replaced_does_not_open_from_memory() {
    let vault = TestVault::start().await;
    let client = vault.database.connect().await;
    let id = vault.admin.create("canary-old").await;
    let keep = format!("create table kept as select * from credentials where cred_id = '{id}'");
    client.batch_execute(&keep).await.unwrap();
    let change = json!({"json_blob": {"api_key": "canary-new"}});
    assert_eq!(vault.admin.patch(&id, &change).await.status(), 204);
    for _ in 0..2 {
        assert_eq!(vault.admin.secret(&id).await["api_key"], "canary-new");
    }
    let spoil = format!(
        "update credentials c set sealed_blob = k.sealed_blob, wrapped_key = k.wrapped_key \
         from kept k where c.org_id = k.org_id and c.cred_id = '{id}'"
    );
    client.batch_execute(&spoil).await.unwrap();
    let failed = failure(vault.admin.reveal(&id).await, 500).await;
    assert_eq!(failed.errors[0].1, "integrity_failure");
    let same = format!("update credentials set version = version where cred_id <> '{id}'");
    let other = vault.admin.create("canary-other").await;
    for _ in 0..2 {
        assert_eq!(vault.admin.secret(&other).await["api_key"], "canary-other");
    }
    client.batch_execute(&same).await.unwrap();
    assert_eq!(vault.admin.secret(&other).await["api_key"], "canary-other");
}

#[tokio::test]
async fn a_key_that_does_not_reach_a_credential_gets_nothing_from_memory() {
    let vault = TestVault::start().await;
    let (limited, _) = vault
        .admin
        .issue(json!({
            "permissions": ["credentials:reveal"],
            "credentials": {"label_prefix": "shop/"},
        }))
        .await;
    let id = vault.admin.create("canary").await;
    for _ in 0..3 {
        assert_eq!(vault.admin.secret(&id).await["api_key"], "canary");
        let failed = failure(limited.reveal(&id).await, 404).await;
        assert!(!failed.body.to_string().contains("canary"));
    }
}
