//! Required members of a credential by its type, and limits of labels.

use serde_json::{Value, json};
use strongroom_e2e::{TestApi, api_key, failure};

fn body(provider: &str, kind: &str, blob: &Value) -> Value {
    json!({"extcred_provider": provider, "extcred_type": kind, "json_blob": blob})
}

/// The required members of each type.
const NEEDED: [(&str, &[&str]); 6] = [
    ("api_key", &["api_key"]),
    ("client_credentials", &["client_id", "client_secret"]),
    ("user_pass", &["username", "password"]),
    ("api_id_access", &["api_id", "api_key"]),
    ("access_token", &["access_token"]),
    ("json_credentials", &[]),
];

fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |name, part| {
        name + &part[..1].to_uppercase() + &part[1..]
    })
}

#[tokio::test]
async fn every_type_needs_its_members_in_either_spelling() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let mut created = 0;
    for (kind, needed) in NEEDED {
        for provider in ["google", "onfido", "shopify", "generic"] {
            if (provider, kind) == ("google", "json_credentials") {
                continue;
            }
            for spelling in [str::to_owned, camel_case] {
                let blob = needed.iter().map(|name| (spelling(name), json!("value")));
                let mut blob: serde_json::Map<_, _> = blob.collect();
                blob.insert("webhook_token".into(), json!("more is welcome"));
                api.create_from(&body(provider, kind, &blob.into())).await;
                created += 1;
            }
            let failed = api
                .refused(body(provider, kind, &json!({})).to_string())
                .await;
            let names: Vec<_> = needed
                .iter()
                .map(|name| format!("json_blob.{name}"))
                .collect();
            let names = if names.is_empty() {
                vec!["json_blob".to_owned()]
            } else {
                names
            };
            assert_eq!(failed.fields(), names, "{provider} {kind}");
        }
    }
    assert_eq!(api.list().await.len(), created);
}

#[tokio::test]
async fn google_wants_a_service_account_as_it_issues_it() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let account = json!({
        "type": "service_account",
        "project_id": "p",
        "private_key": "k",
        "client_email": "e",
    });
    api.create_from(&body("google", "json_credentials", &account))
        .await;
    for missing in ["type", "project_id", "private_key", "client_email"] {
        let mut less = account.clone();
        less.as_object_mut().unwrap().remove(missing);
        let failed = api
            .refused(body("google", "json_credentials", &less).to_string())
            .await;
        assert_eq!(failed.fields(), [format!("json_blob.{missing}")]);
        api.create_from(&body("generic", "json_credentials", &less))
            .await;
    }
    let mut user = account.clone();
    user["type"] = json!("authorized_user");
    let failed = api
        .refused(body("google", "json_credentials", &user).to_string())
        .await;
    assert_eq!(failed.fields(), ["json_blob.type"]);
}

#[tokio::test]
async fn a_blob_is_an_object() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("kept").await;
    for blob in [
        json!(null),
        json!([]),
        json!("text"),
        json!(5),
        json!(true),
        json!({}),
    ] {
        let answer = api
            .refused(body("generic", "json_credentials", &blob).to_string())
            .await;
        assert_eq!(answer.fields(), ["json_blob"], "{blob}");
        let answer = api.patch(&id, &json!({"json_blob": blob})).await;
        let failed = failure(answer, 400).await;
        assert!(failed.fields()[0].starts_with("json_blob"), "{blob}");
    }
    assert_eq!(api.secret(&id).await["api_key"], "kept");
    assert_eq!(api.list().await.len(), 1);
}

#[tokio::test]
async fn labels_have_limits() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let labeled = |label: &Value| {
        let mut body = api_key("k");
        body["extcred_label"] = label.clone();
        body
    };
    let id = api.create("k").await;
    for good in [
        "",
        "x",
        " spaced ",
        &"é".repeat(256),
        &"😀".repeat(256),
        "a\u{202e}b",
    ] {
        let id = api.create_from(&labeled(&json!(good))).await;
        let answer: Value = api.reveal(&id).await.json().await.unwrap();
        assert_eq!(answer["result"]["extcred_label"], good);
    }
    let long = "é".repeat(257);
    let bad = [
        (json!(long), "too_long"),
        (json!("x".repeat(60_000)), "too_long"),
        (json!("a\nb"), "control_character"),
        (json!("\u{0}"), "control_character"),
        (json!("\u{85}"), "control_character"),
        (json!(7), "wrong_type"),
        (json!({"a": 1}), "wrong_type"),
    ];
    for (label, code) in bad {
        let expected = [("extcred_label".to_owned(), code.to_owned())];
        assert_eq!(
            api.refused(labeled(&label).to_string()).await.errors,
            expected
        );
        let answer = api.patch(&id, &json!({"extcred_label": label})).await;
        assert_eq!(failure(answer, 400).await.errors, expected);
    }
    assert_eq!(api.list().await.len(), 7);
}
