//! Last-used times of credentials and API keys: at most one flush interval old, and recorded
//! without delaying requests.

use std::time::Duration;

use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestVault, eventually};
use tokio_postgres::Client;

const LIMIT: Duration = Duration::from_secs(10);

async fn quick() -> TestVault {
    TestVault::start_with(&[("STRONGROOM_LAST_USED_FLUSH_INTERVAL", "50ms")]).await
}

fn key_id(vault: &TestVault, role: &str) -> String {
    let keys = vault.keys(&vault.admin.org);
    let key = keys.iter().find(|key| key["role"] == role);
    key.unwrap()["key_id"].as_str().unwrap().to_owned()
}

async fn listed(vault: &TestVault, id: &str) -> Value {
    let all = vault.member.list().await;
    let item = all.into_iter().find(|item| item["external_cred_id"] == id);
    item.unwrap()
}

async fn used_after(vault: &TestVault, id: &str, before: &Value) -> Value {
    eventually("the use is listed", LIMIT, async || {
        let item = listed(vault, id).await;
        item.get("last_used_at").is_some() && item["last_used_at"] != *before
    })
    .await;
    listed(vault, id).await["last_used_at"].clone()
}

// A page is read with as many last-used times as it can have credentials.
#[tokio::test]
async fn a_list_shows_every_use_when_the_credentials_between_are_deleted() {
    let vault = quick().await;
    let api = &vault.admin;
    let mut ids = Vec::new();
    for n in 0..12 {
        ids.push(api.create(&n.to_string()).await);
    }
    for id in &ids {
        api.secret(id).await;
    }
    let path = |query: &str| format!("{CREDENTIALS}?limit=2&{query}");
    let shown = async |query: &str| {
        let listed = api.call(Method::GET, &path(query), &Value::Null, 200).await;
        let listed = listed.as_array().unwrap().clone();
        let id = |one: &Value| one["external_cred_id"].as_str().unwrap().to_owned();
        let used = listed.iter().all(|one| one.get("last_used_at").is_some());
        (listed.iter().map(id).collect::<Vec<_>>(), used)
    };
    for at in 0..6 {
        let query = format!("offset={}", 2 * at);
        let all = (ids[2 * at..2 * at + 2].to_vec(), true);
        eventually("all are used", LIMIT, async || shown(&query).await == all).await;
    }
    for id in &ids[1..11] {
        let deleted = api.delete(&format!("credentialId={id}")).await;
        assert_eq!(deleted.status(), 204);
    }
    let kept = vec![ids[0].clone(), ids[11].clone()];
    assert_eq!(shown("offset=0").await, (kept.clone(), true));
    assert_eq!(shown("cursor=").await, (kept, true));
    assert_eq!(shown("offset=1").await, (vec![ids[11].clone()], true));
}

#[tokio::test]
async fn reveals_and_changes_are_uses_and_lists_show_them() {
    let vault = quick().await;
    let api = &vault.admin;
    let (used, unused) = (api.create("used").await, api.create("unused").await);
    let fresh = listed(&vault, &used).await;
    assert!(fresh.get("last_used_at").is_none(), "{fresh}");

    let body: Value = api.reveal(&used).await.json().await.unwrap();
    assert!(body["result"].get("last_used_at").is_none(), "{body}");
    let revealed = used_after(&vault, &used, &Value::Null).await;
    let admin = key_id(&vault, "admin");
    assert_eq!(listed(&vault, &used).await["last_used_by"], admin.as_str());
    // A reveal shows the use before itself.
    let body: Value = api.reveal(&used).await.json().await.unwrap();
    assert_eq!(body["result"]["last_used_at"], revealed, "{body}");
    assert_eq!(body["result"]["last_used_by"], admin.as_str());
    let again = used_after(&vault, &used, &revealed).await;
    assert!(again.as_str() > revealed.as_str());

    let change = json!({"extcred_label": "x"});
    assert_eq!(api.patch(&used, &change).await.status(), 204);
    used_after(&vault, &used, &again).await;
    let item = listed(&vault, &unused).await;
    assert!(item.get("last_used_at").is_none(), "{item}");
}

/// The credentials that `strongroom credential list` prints.
fn listed_by_operator(vault: &TestVault, more: &[&str]) -> Value {
    let args = ["credential", "list", "--org", &vault.admin.org, "--json"];
    vault.run(&[&args[..], more].concat()).json()
}

/// Checks that only the key `unused` has no last-used time.
async fn only_the_unused_key_was_never_used(vault: &TestVault, database: &Client, unused: &Api) {
    eventually("the uses of both keys are stored", LIMIT, async || {
        let uses = database.query("select from key_uses", &[]).await;
        uses.unwrap().len() == 2
    })
    .await;
    let mut keys = vault.keys(&vault.admin.org);
    keys.retain(|key| key["last_used_at"].is_null());
    assert_eq!(keys.len(), 1, "{keys:?}");
    let name = keys[0]["name"].as_str().unwrap();
    assert!(unused.key.contains(name), "{keys:?}");
}

#[tokio::test]
async fn the_operator_finds_stale_credentials_and_keys() {
    let vault = quick().await;
    let api = &vault.admin;
    let (used, unused) = (api.create("used").await, api.create("unused").await);
    let unused_key = vault.new_key(&api.org, "admin");
    api.reveal(&used).await;
    used_after(&vault, &used, &Value::Null).await;

    let all = listed_by_operator(&vault, &[]);
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!(all[0]["external_cred_id"], used.as_str());
    assert_eq!(all[0]["last_used_by"], key_id(&vault, "admin").as_str());
    assert_eq!(all[1]["external_cred_id"], unused.as_str());
    assert_eq!(all[1]["last_used_at"], Value::Null);
    assert!(!all.to_string().contains("json_blob"));
    let recent = listed_by_operator(&vault, &["--unused-since", "90d"]);
    assert_eq!(recent, json!([]));

    let database = vault.database.connect().await;
    let ago = "update credential_uses set last_used_at = now() - interval '100 days'";
    database.execute(ago, &[]).await.unwrap();
    let stale = listed_by_operator(&vault, &["--unused-since", "90d"]);
    assert_eq!(stale.as_array().unwrap().len(), 1);
    assert_eq!(stale[0]["external_cred_id"], used.as_str());
    let table = vault.run(&["credential", "list", "--org", &api.org]);
    table.assert_prints("LAST_USED");
    table.assert_prints("never");
    let lists = "select from audit_events where action = 'credential.list' and actor = 'operator'";
    assert_eq!(database.query(lists, &[]).await.unwrap().len(), 4);
    only_the_unused_key_was_never_used(&vault, &database, &unused_key).await;
}

#[tokio::test]
async fn a_use_goes_with_its_credential() {
    let vault = quick().await;
    let api = &vault.admin;
    let database = vault.database.connect().await;
    let count = async || {
        let rows = database.query("select from credential_uses", &[]).await;
        rows.unwrap().len()
    };
    let ids = [
        api.create("a").await,
        api.create("b").await,
        api.create("c").await,
    ];
    for id in &ids {
        api.reveal(id).await;
        used_after(&vault, id, &Value::Null).await;
    }
    assert_eq!(count().await, 3);
    let one = format!("credentialId={}", ids[0]);
    assert_eq!(api.delete(&one).await.status(), 204);
    assert_eq!(count().await, 3);
    let purge = format!("{one}&purge=true");
    assert_eq!(api.delete(&purge).await.status(), 204);
    assert_eq!(count().await, 2);
    let all = "deleteAll=true&purge=true";
    assert_eq!(api.delete(all).await.status(), 204);
    assert_eq!(count().await, 0);
}

#[tokio::test]
async fn a_use_that_waits_is_not_kept_when_its_credential_was_deleted_meanwhile() {
    let slow = [("STRONGROOM_LAST_USED_FLUSH_INTERVAL", "30s")];
    let mut vault = TestVault::start_with(&slow).await;
    let (gone, kept) = (vault.admin.create("a").await, vault.admin.create("b").await);
    for id in [&gone, &kept] {
        assert_eq!(vault.admin.reveal(id).await.status(), 200);
    }
    let one = format!("credentialId={gone}&purge=true");
    assert_eq!(vault.admin.delete(&one).await.status(), 204);
    vault.server.signal(Signal::SIGTERM);
    assert_eq!(vault.server.wait(LIMIT), Some(0));
    let database = vault.database.connect().await;
    let uses = "select cred_id::text from credential_uses";
    let uses = database.query(uses, &[]).await.unwrap();
    let ids: Vec<String> = uses.iter().map(|row| row.get(0)).collect();
    assert_eq!(ids, [kept]);
}

#[tokio::test]
async fn a_later_use_stays_and_a_server_that_stops_loses_none() {
    let slow = [("STRONGROOM_LAST_USED_FLUSH_INTERVAL", "30s")];
    let mut vault = TestVault::start_with(&slow).await;
    let (early, late) = (vault.admin.create("a").await, vault.admin.create("b").await);
    for id in [&early, &late] {
        assert_eq!(vault.admin.reveal(id).await.status(), 200);
    }
    let database = vault.database.connect().await;
    // Another server has stored a later use.
    let later = "insert into credential_uses \
                 select org_id, cred_id, '2999-01-01', null from credentials \
                 where cred_id = $1::text::uuid";
    database.execute(later, &[&late]).await.unwrap();
    vault.server.signal(Signal::SIGTERM);
    assert_eq!(vault.server.wait(LIMIT), Some(0));
    let uses = "select cred_id::text, last_used_at > '2998-01-01', last_used_by is null \
                from credential_uses order by cred_id";
    let uses = database.query(uses, &[]).await.unwrap();
    let seen: Vec<(String, bool, bool)> = uses
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    assert_eq!(seen, [(early, false, false), (late, true, true)]);
}

#[tokio::test]
async fn a_flush_that_a_stop_ends_loses_none() {
    let seldom = [("STRONGROOM_LAST_USED_FLUSH_INTERVAL", "5s")];
    let mut vault = TestVault::start_with(&seldom).await;
    let (locker, watch) = (
        vault.database.connect().await,
        vault.database.connect().await,
    );
    let lock = "begin; lock table credential_uses in exclusive mode";
    locker.batch_execute(lock).await.unwrap();
    // More uses than one transaction stores.
    for _ in 0..130 {
        let id = vault.admin.create("a").await;
        assert_eq!(vault.admin.reveal(&id).await.status(), 200);
    }
    let waiting = "select count(*) from pg_locks \
                   where relation = 'credential_uses'::regclass and not granted";
    eventually("a flush waits for the lock", LIMIT, async || {
        let waiting = watch.query_one(waiting, &[]).await.unwrap();
        waiting.get::<_, i64>(0) > 0
    })
    .await;
    vault.server.signal(Signal::SIGTERM);
    let stopped = eventually("the server stops", LIMIT, async || {
        vault.server.log().contains("\"stopped\"")
    });
    // The lock timeout is one second.
    let stopped = tokio::time::timeout(Duration::from_millis(300), stopped).await;
    assert!(stopped.is_err(), "the stop does not wait for the table");
    locker.batch_execute("rollback").await.unwrap();
    assert_eq!(vault.server.wait(LIMIT), Some(0));
    let kept = "select count(*) from credential_uses";
    let kept: i64 = watch.query_one(kept, &[]).await.unwrap().get(0);
    assert_eq!(kept, 130, "{}", vault.server.log());
}
