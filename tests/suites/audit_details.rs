//! Events of the second format: their details, and actions that the first one lacks.

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestVault, api_key};

/// The events with `action`, newest first.
async fn events(api: &Api, action: &str) -> Vec<Value> {
    let path = format!("/organizations/config/audit-events?action={action}");
    let listed: Value = api.get(&path).await.json().await.unwrap();
    listed["result"].as_array().unwrap().clone()
}

async fn newest(api: &Api, action: &str) -> Value {
    let listed = events(api, action).await;
    assert!(!listed.is_empty(), "{action} left no event");
    listed[0].clone()
}

/// Operations that change and reveal nothing are recorded as well.
#[tokio::test]
async fn reading_and_repeating_leave_events() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let anonymous = vault.start_server(&[("STRONGROOM_ANONYMOUS_ORG", &api.org)]);
    vault.ready(&anonymous.url()).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let post = api.request(Method::POST, CREDENTIALS);
        let post = post.header("Idempotency-Key", "one").json(&api_key("k"));
        let made: Value = post.send().await.unwrap().json().await.unwrap();
        ids.push(made["result"][0].clone());
    }
    assert_eq!(ids[0], ids[1]);
    let repeated = newest(api, "credential.repeat").await;
    assert_eq!(repeated["credential_id"], ids[0]);
    assert_eq!(events(api, "credential.create").await.len(), 1);

    assert_eq!(
        api.get("/organizations/config/rotations").await.status(),
        200
    );
    newest(api, "rotation.list").await;
    vault.run(&["verify"]).assert_success();
    assert_eq!(newest(api, "integrity.verify").await["actor"], "operator");

    let user = json!({"user": "u", "open_AI": false});
    let path = "/external_provider/api_key/delete";
    let read = api
        .at(&anonymous.url())
        .bare(Method::POST, path)
        .json(&user);
    assert_eq!(read.send().await.unwrap().status(), 200);
    let read = newest(api, "credential.list").await;
    assert_eq!(
        (&read["actor"], &read["outcome"]),
        (&json!("anonymous"), &json!("not_found"))
    );
    let verified = vault.run(&["audit", "verify"]);
    verified.assert_prints("intact");
}

#[tokio::test]
async fn events_have_details() {
    let vault = TestVault::start().await;
    let org = vault.admin.org.as_str();
    vault
        .run(&["rotate", "org", "--org", org, "--re-encrypt"])
        .assert_success();
    let retire = ["rotate", "retire", "--org", org, "--generation", "1"];
    vault.run(&retire).assert_success();
    let details = async |action| newest(&vault.admin, action).await["details"].clone();
    let rotated = json!({"generation": 2, "re_encrypt": true});
    assert_eq!(details("organization.rotate").await, rotated);
    assert_eq!(
        details("organization.retire").await,
        json!({"generation": 1})
    );
    let key = json!({"role": "member", "expires_at": null});
    assert_eq!(details("key.create").await, key);
    let created = json!({"generation": 1, "record_format": 7});
    assert_eq!(details("organization.create").await, created);
    let exported = vault.run(&["audit", "export", "--org", org]);
    exported.assert_prints("\"details\":{\"generation\":2,\"re_encrypt\":true}");
}
