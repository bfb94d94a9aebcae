//! A revealed secret equals the sent one; members that cannot change are refused.

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{CREDENTIALS, TestApi, api_key, failure};

/// Blobs in which every byte matters: order, numbers, escapes, whitespace.
const EXACT: [&str; 6] = [
    r#"{"api_key":"k","z":1,"a":2,"m":{"y":[],"b":{}}}"#,
    concat!(
        r#"{"api_key":"k","n":[12345678901234567890,1.10,1e400,-0.0,0.1e-7,"#,
        r#"100000000000000000000000000000.000]}"#,
    ),
    r#"{"api_key":"grüße 😀 \u00e9 \ud83d\ude00 \u0000 \/ \" \\ \n","ключ":"значение"}"#,
    "{ \"api_key\" :\t\"k\",\r\n  \"pretty\": [ 1,\n 2 ] }",
    r#"{"api_key":"k","":"","true":true,"null":null,"A":1,"a":2}"#,
    "{\"api_key\":\"\u{2028}\u{feff}\u{10ffff}\"}",
];

#[tokio::test]
async fn secrets_come_back_byte_for_byte() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let changed = api.create("first").await;
    for blob in EXACT {
        let body = format!(
            r#"{{"json_blob": {blob} ,"extcred_type":"api_key","extcred_provider":"generic"}}"#
        );
        let answer = api.send(Method::POST, CREDENTIALS, body).await;
        assert_eq!(answer.status(), 201, "{blob}");
        let answer: Value = answer.json().await.unwrap();
        let created = answer["result"][0].as_str().unwrap().to_owned();
        let body = format!(r#"{{"json_blob":{blob}}}"#);
        let path = format!("{CREDENTIALS}/{changed}");
        assert_eq!(
            api.send(Method::PATCH, &path, body).await.status(),
            204,
            "{blob}"
        );
        for id in [&created, &changed] {
            let text = api.reveal(id).await.text().await.unwrap();
            assert!(
                text.contains(&format!(r#""json_blob":{blob}"#)),
                "{blob}\n{text}"
            );
        }
    }
}

#[tokio::test]
async fn a_label_changes_without_the_secret_and_the_other_way_round() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    assert_eq!(
        api.patch(&id, &json!({"extcred_label": "one"}))
            .await
            .status(),
        204
    );
    assert_eq!(api.secret(&id).await["api_key"], "secret");
    let change = json!({"json_blob": {"api_key": "other"}});
    assert_eq!(api.patch(&id, &change).await.status(), 204);
    let answer: Value = api.reveal(&id).await.json().await.unwrap();
    assert_eq!(answer["result"]["extcred_label"], "one");
    assert_eq!(answer["result"]["json_blob"]["api_key"], "other");
    assert_eq!(
        api.patch(&id, &json!({"extcred_label": ""})).await.status(),
        204
    );
    assert_eq!(api.list().await[0]["extcred_label"], "");
}

#[tokio::test]
async fn the_whole_credential_can_be_sent_back() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    let answer: Value = api.reveal(&id).await.json().await.unwrap();
    let mut whole = answer["result"].clone();
    whole["extcred_label"] = json!("from an older client");
    assert_eq!(api.patch(&id, &whole).await.status(), 204);
    assert_eq!(api.list().await[0]["extcred_label"], "from an older client");
}

#[tokio::test]
async fn what_cannot_change_is_refused() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    let other = api.create("other").await;
    let cases = [
        ("external_cred_id", json!(other)),
        ("external_cred_id", json!("x")),
        ("external_cred_id", json!(null)),
        (
            "organization_id",
            json!("0190a1b2-0000-7000-8000-0123456789ab"),
        ),
        ("organization_id", json!(5)),
        ("extcred_provider", json!("google")),
        ("extcred_provider", json!("nonsense")),
        ("extcred_type", json!("user_pass")),
        ("extcred_type", json!([])),
        ("version", json!(1)),
    ];
    for (field, value) in cases {
        let body = json!({"extcred_label": "changed", field: value});
        let failed = failure(api.patch(&id, &body).await, 400).await;
        assert_eq!(failed.fields(), [field], "{value}");
    }
    let same =
        json!({"extcred_provider": "generic", "extcred_type": "api_key", "external_cred_id": id});
    for nothing in [json!({}), same] {
        failure(api.patch(&id, &nothing).await, 400).await;
    }
    let two =
        json!({"extcred_provider": "google", "extcred_type": "user_pass", "extcred_label": "x"});
    let failed = failure(api.patch(&id, &two).await, 400).await;
    assert_eq!(failed.fields(), ["extcred_provider", "extcred_type"]);
    let unfit = json!({"extcred_label": "changed", "json_blob": {"username": "hunter2"}});
    let failed = failure(api.patch(&id, &unfit).await, 400).await;
    assert_eq!(failed.fields(), ["json_blob.api_key"]);
    assert!(!failed.body.to_string().contains("hunter2"));
    for listed in api.list().await {
        assert_eq!(listed["extcred_label"], "", "a refused change was made");
    }
    assert_eq!(api.secret(&id).await["api_key"], "secret");
}

#[tokio::test]
async fn ids_must_be_uuids() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    for bad in [
        "x",
        "1",
        &format!("{id}0"),
        &id[1..],
        "%00",
        "..%2f..",
        "%ff",
        &"9".repeat(5000),
    ] {
        let failed = failure(api.reveal(bad).await, 400).await;
        assert_eq!(failed.fields(), ["cred_id"], "{bad}");
        failure(api.patch(bad, &json!({"extcred_label": "x"})).await, 400).await;
    }
    assert_eq!(api.reveal(&id.to_uppercase()).await.status(), 200);
    let body = api_key("k");
    assert_eq!(api.post(&body).await.status(), 201);
}
