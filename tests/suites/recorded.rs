//! Reveals and writes are refused if they cannot be recorded, and the records match the operations.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use strongroom_e2e::{TestVault, api_key, eventually, failure};

#[tokio::test]
async fn without_a_record_nothing_is_revealed_and_nothing_written() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let id = api.create("canary").await;
    let client = vault.database.connect().await;
    let trail = "revoke insert on audit_events from strongroom_app";
    client.batch_execute(trail).await.unwrap();
    let query = format!("credentialId={id}");
    let answers = [
        api.reveal(&id).await,
        api.get(strongroom_e2e::CREDENTIALS).await,
        api.post(&api_key("new")).await,
        api.patch(&id, &json!({"extcred_label": "new"})).await,
        api.delete(&query).await,
        api.delete("deleteAll=true").await,
        vault.member.reveal(&id).await,
    ];
    for answer in answers {
        let failed = failure(answer, 500).await;
        assert!(!failed.body.to_string().contains("canary"));
    }
    client
        .batch_execute(&trail.replace("revoke", "grant").replace("from", "to"))
        .await
        .unwrap();
    let listed = api.list().await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["extcred_label"], "");
    assert_eq!(api.secret(&id).await["api_key"], "canary");
}

const UNKNOWN: &str = "0190a1b2-0000-7000-8000-0123456789ab";

/// Executes every operation on credentials; returns the ids of the two created ones.
async fn execute_every_operation(vault: &TestVault) -> [String; 2] {
    let api = &vault.admin;
    let id = api.create("secret").await;
    api.list().await;
    api.secret(&id).await;
    api.patch(&id, &json!({"extcred_label": "x"})).await;
    api.patch(UNKNOWN, &json!({"extcred_label": "x"})).await;
    api.reveal(UNKNOWN).await;
    vault.member.reveal(&id).await;
    api.delete(&format!("credentialId={id}")).await;
    api.delete(&format!("credentialId={id}")).await;
    let second = api.create("second").await;
    api.delete("deleteAll=true").await;
    [id, second]
}

#[tokio::test]
async fn every_operation_leaves_its_event() {
    let vault = TestVault::start().await;
    let [id, second] = execute_every_operation(&vault).await;
    let client = vault.database.connect().await;
    let query = "select action, outcome, cred_id::text, version, digest is not null \
         from audit_events where actor <> 'operator' order by at, lane, seq";
    let recorded: Vec<Value> = client
        .query(query, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| {
            let (action, outcome): (String, String) = (row.get(0), row.get(1));
            let (id, version): (Option<String>, Option<i64>) = (row.get(2), row.get(3));
            json!([action, outcome, id, version, row.get::<_, bool>(4)])
        })
        .collect();
    let expected = [
        json!(["credential.create", "ok", id, 1, true]),
        json!(["credential.list", "ok", null, null, false]),
        json!(["credential.reveal", "ok", id, 1, false]),
        json!(["credential.update", "ok", id, 2, true]),
        json!(["credential.update", "not_found", UNKNOWN, null, false]),
        json!(["credential.reveal", "not_found", UNKNOWN, null, false]),
        json!(["request.denied", "denied", null, null, false]),
        json!(["credential.delete", "ok", id, 2, false]),
        json!(["credential.delete", "not_found", id, null, false]),
        json!(["credential.create", "ok", second, 1, true]),
        json!(["credential.delete_all", "ok", null, null, false]),
        json!(["credential.delete", "ok", second, 1, false]),
    ];
    assert_eq!(recorded, expected);
    let keys = "select action from audit_events where actor = 'operator' \
                and action not like 'installation.%' order by at";
    let keys: Vec<String> = client
        .query(keys, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    let expected = [
        "organization.create",
        "organization.configure",
        "key.create",
        "key.create",
    ];
    assert_eq!(keys, expected);
}

/// The outcome and version of a credential's recorded reveals, in order.
async fn reveals(vault: &TestVault, id: &str) -> Vec<(String, Option<i64>)> {
    let query = "select outcome, version from audit_events where action = 'credential.reveal' \
         and cred_id::text = $1 order by at, lane, seq";
    let client = vault.database.connect().await;
    let rows = client.query(query, &[&id]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn a_reveal_shows_and_records_what_others_have_changed_since_the_last_one() {
    let vault = TestVault::start().await;
    let other = vault.start_server(&[]);
    vault.ready(&other.url()).await;
    let (api, elsewhere) = (&vault.admin, vault.admin.at(&other.url()));
    let id = api.create("first").await;
    for _ in 0..3 {
        assert_eq!(api.secret(&id).await["api_key"], "first");
    }
    let change = json!({"json_blob": {"api_key": "second"}});
    assert_eq!(elsewhere.patch(&id, &change).await.status(), 204);
    for _ in 0..2 {
        assert_eq!(api.secret(&id).await["api_key"], "second");
    }
    // An update by another session makes a new row version with the same content.
    let client = vault.database.connect().await;
    let touched = "update credentials set label = label where cred_id::text = $1";
    assert_eq!(client.execute(touched, &[&id]).await.unwrap(), 1);
    assert_eq!(api.secret(&id).await["api_key"], "second");
    let broken = "update credentials \
         set sealed_blob = set_byte(sealed_blob, 20, get_byte(sealed_blob, 20) # 1) \
         where cred_id::text = $1";
    assert_eq!(client.execute(broken, &[&id]).await.unwrap(), 1);
    failure(api.reveal(&id).await, 500).await;
    let query = format!("credentialId={id}");
    assert_eq!(elsewhere.delete(&query).await.status(), 204);
    assert_eq!(api.reveal(&id).await.status(), 404);
    let ok = |version| ("ok".to_owned(), Some(version));
    let expected = [
        ok(1),
        ok(1),
        ok(1),
        ok(2),
        ok(2),
        ok(2),
        ("integrity_failure".to_owned(), Some(2)),
        ("not_found".to_owned(), None),
    ];
    assert_eq!(reveals(&vault, &id).await, expected);
    assert!(vault.run(&["audit", "verify"]).success);
}

#[tokio::test]
async fn each_of_many_reveals_is_recorded_once_while_credentials_change() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let elsewhere = vault.start_server(&[]);
    vault.ready(&elsewhere.url()).await;
    let mut credentials = Vec::new();
    for api in [&vault.admin, &other] {
        for _ in 0..3 {
            credentials.push((api, api.create("v1").await));
        }
    }
    let (changed, rounds, at_once) = (&credentials[0], 8, 5);
    for round in 2..2 + rounds {
        // The other server changes the row, so that this server's cached row is outdated.
        let secret = json!({"api_key": format!("v{round}")});
        let change = json!({"json_blob": secret});
        let api = changed.0.at(&elsewhere.url());
        assert_eq!(api.patch(&changed.1, &change).await.status(), 204);
        let looks = (0..at_once).flat_map(|_| &credentials);
        let looks = looks.map(async |(api, id)| (id, api.secret(id).await));
        for (id, shown) in join_all(looks).await {
            match *id == changed.1 {
                true => assert_eq!(shown, secret),
                false => assert_eq!(shown["api_key"], "v1"),
            }
        }
    }
    for (at, (_, id)) in credentials.iter().enumerate() {
        let versions = (2..2 + rounds).map(|round| if at == 0 { round } else { 1 });
        let each = versions.flat_map(|version| vec![Some(version); at_once]);
        let expected: Vec<_> = each.map(|version| ("ok".to_owned(), version)).collect();
        assert_eq!(reveals(&vault, id).await, expected);
    }
    assert!(vault.run(&["audit", "verify"]).success);
}

#[tokio::test]
async fn a_reveal_without_the_organizations_key_is_not_recorded_as_one() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let id = api.create("canary").await;
    for _ in 0..2 {
        assert_eq!(api.secret(&id).await["api_key"], "canary");
    }
    let client = vault.database.connect().await;
    let keys = "revoke select on org_keys from strongroom_app; notify strongroom_keys";
    client.batch_execute(keys).await.unwrap();
    let limit = Duration::from_secs(20);
    eventually("the keys are dropped from the cache", limit, async || {
        !api.reveal(&id).await.status().is_success()
    })
    .await;
    let recorded = reveals(&vault, &id).await.len();
    assert!(!api.reveal(&id).await.status().is_success());
    assert_eq!(reveals(&vault, &id).await.len(), recorded);
    let back = "grant select on org_keys to strongroom_app";
    client.batch_execute(back).await.unwrap();
    assert_eq!(api.secret(&id).await["api_key"], "canary");
    assert_eq!(reveals(&vault, &id).await.len(), recorded + 1);
    assert!(vault.run(&["audit", "verify"]).success);
}
