//! What bounds an organization: its depth, its first key, and its own settings and rotations.

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{CREDENTIALS, TestApi, failure};

const SUBORGANIZATIONS: &str = "/organizations/suborganizations";

#[tokio::test]
async fn an_organization_has_at_most_8_ancestors() {
    let vault = TestApi::start().await;
    let root = vault.root();
    let mut deepest = root.clone();
    for n in 1..=8 {
        let made = deepest.new_suborganization(&format!("level {n}")).await;
        deepest = root.acting_in(&made.org);
    }
    let body = json!({"sub_org_name": "level 9", "admins": []});
    let request = deepest.request(Method::POST, SUBORGANIZATIONS).json(&body);
    let conflict = failure(request.send().await.unwrap(), 409).await;
    assert_eq!(conflict.errors[0].1, "too_deep");
    let listed = root
        .call(Method::GET, SUBORGANIZATIONS, &Value::Null, 200)
        .await;
    assert_eq!(listed.as_array().unwrap().len(), 8);
}

#[tokio::test]
async fn the_first_key_holds_no_more_than_the_caller() {
    let vault = TestApi::start().await;
    let permissions = json!(["organizations:manage", "credentials:list"]);
    let (limited, _) = vault.admin.issue(json!({"permissions": permissions})).await;
    let child = limited.new_suborganization("child").await;
    assert!(child.key.starts_with("sr_key_"), "{}", child.key);
    assert_eq!(child.get(CREDENTIALS).await.status(), 200);
    let id = "0190a1b2-0000-7000-8000-0123456789ab";
    failure(child.reveal(id).await, 403).await;
}

#[tokio::test]
async fn a_rotation_is_started_over_http() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    let rotations = "/organizations/config/rotations";
    let started = api
        .call(Method::POST, rotations, &json!({"re_encrypt": true}), 202)
        .await;
    assert_eq!(started["generation"], 2);
    assert_eq!(started["re_encrypt"], true);
    let done = std::time::Duration::from_secs(60);
    strongroom_e2e::eventually("the rotation ends", done, async || {
        let listed = api.call(Method::GET, rotations, &Value::Null, 200).await;
        listed[0]["state"] == "done"
    })
    .await;
    assert_eq!(api.secret(&id).await["api_key"], "secret");
    let wrong = api
        .request(Method::POST, rotations)
        .json(&json!({"re_encrypt": 1}));
    assert_eq!(
        failure(wrong.send().await.unwrap(), 400).await.fields(),
        ["re_encrypt"]
    );
    let header = "SlashID-Required-Consistency-Timeout";
    let late = api.request(Method::POST, rotations).header(header, "121");
    let late = failure(late.json(&json!({})).send().await.unwrap(), 400).await;
    assert_eq!(late.fields(), [header]);
    let all = api
        .request(Method::POST, rotations)
        .header("SlashID-Required-Consistency", "all_regions");
    assert_eq!(all.json(&json!({})).send().await.unwrap().status(), 202);
}
