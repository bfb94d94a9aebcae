//! Changes of single members of a secret.

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{CREDENTIALS, TestApi, failure};

#[tokio::test]
async fn members_that_are_not_named_keep_their_bytes() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let body = r#"{"extcred_provider":"generic","extcred_type":"access_token","json_blob":
        {"access_token":"old","n": 12345678901234567890.10,"deep":{"a":1,"b":"\u00e9"}}}"#;
    let created = api.send(Method::POST, CREDENTIALS, body).await;
    let created: Value = created.json().await.unwrap();
    let id = created["result"][0].as_str().unwrap();
    let path = format!("{CREDENTIALS}/{id}");
    let change = r#"{"json_blob_merge":{"access_token":"new","deep":{"a":null,"c":[null]}}}"#;
    assert_eq!(api.send(Method::PATCH, &path, change).await.status(), 204);
    let revealed = api.reveal(id).await.text().await.unwrap();
    let merged = concat!(
        r#""json_blob":{"access_token":"new","n":12345678901234567890.10,"#,
        r#""deep":{"b":"\u00e9","c":[null]}}"#
    );
    assert!(revealed.contains(merged), "{revealed}");
}

#[tokio::test]
async fn the_result_must_be_valid() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    for (body, fields) in [
        (
            json!({"json_blob_merge": {"api_key": null}}),
            vec!["json_blob.api_key"],
        ),
        (
            json!({"json_blob_merge": {"api_key": 7}}),
            vec!["json_blob.api_key"],
        ),
        (json!({"json_blob_merge": "x"}), vec!["json_blob_merge"]),
        (
            json!({"json_blob_merge": {}, "json_blob": {"api_key": "k"}}),
            vec!["json_blob_merge"],
        ),
        (
            json!({"json_blob_merge": {}, "extcred_type": "user_pass"}),
            vec!["extcred_type"],
        ),
    ] {
        let refused = failure(api.patch(&id, &body).await, 400).await;
        assert_eq!(refused.fields(), fields, "{body}");
    }
    assert_eq!(api.secret(&id).await, json!({"api_key": "secret"}));
    // Many small changes make no blob that could not be sent as a whole.
    let part = "x".repeat(20_000);
    let mut statuses = Vec::new();
    for n in 0..5 {
        let change = json!({"json_blob_merge": {format!("part{n}"): part}});
        statuses.push(api.patch(&id, &change).await.status().as_u16());
    }
    assert_eq!(statuses, [204, 204, 204, 400, 400]);
    let body = json!({"json_blob_merge": {"last": part}});
    let refused = failure(api.patch(&id, &body).await, 400).await;
    assert_eq!(refused.fields(), ["json_blob_merge"]);
    assert_eq!(refused.body["errors"][0]["code"], "too_large");
    let revealed: Value = api.reveal(&id).await.json().await.unwrap();
    let whole = api.patch(&id, &revealed["result"]).await;
    assert_eq!(whole.status(), 204);
}
