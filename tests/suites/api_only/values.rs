//! Versions of a credential's value, when it expires, and its reveal by label.

use data_encoding::BASE64URL_NOPAD;
use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestApi, api_key, failure};

async fn revealed(api: &Api, id: &str) -> Value {
    let answer = api.reveal(id).await;
    assert_eq!(answer.status(), 200, "{id}");
    let body: Value = answer.json().await.unwrap();
    body["result"].clone()
}

async fn patch(api: &Api, id: &str, body: &Value) {
    let answer = api.patch(id, body).await;
    assert_eq!(answer.status(), 204, "{body}");
}

/// An access token that says when it expires.
fn token(exp: &Value) -> Value {
    let claims = BASE64URL_NOPAD.encode(json!({"exp": exp}).to_string().as_bytes());
    json!({"access_token": format!("eyJhbGciOiJub25lIn0.{claims}.c2ln")})
}

fn expiry(credential: &Value) -> [&Value; 2] {
    ["expires_at", "expires_source"].map(|name| &credential[name])
}

#[tokio::test]
async fn a_value_version_counts_other_secrets_alone() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("first").await;
    let steps = [
        (json!({"extcred_label": "renamed"}), 1),
        (json!({"json_blob": {"api_key": "first"}}), 1),
        (json!({"json_blob_merge": {}}), 1),
        (json!({"json_blob": {"api_key": "second"}}), 2),
        (json!({"expires_at": "2040-01-01T00:00:00Z"}), 2),
        (json!({"json_blob_merge": {"note": "x"}}), 3),
    ];
    for (change, expected) in steps {
        patch(api, &id, &change).await;
        let revealed = revealed(api, &id).await;
        assert_eq!(revealed["value_version"], expected, "{change}");
        assert_eq!(api.list().await[0]["value_version"], expected, "{change}");
        // What was answered can be sent back, and changes nothing.
        patch(api, &id, &revealed).await;
    }
    assert_eq!(revealed(api, &id).await["value_version"], 3);
    let events = format!("/organizations/config/audit-events?credential_id={id}&limit=1000");
    let events = api.call(Method::GET, &events, &Value::Null, 200).await;
    let mut versions: Vec<_> = events.as_array().unwrap().iter().collect();
    versions.retain(|event| event["action"] == "credential.reveal");
    let newest = versions.first().unwrap();
    assert_eq!(newest["value_version"], 3, "{newest}");
    assert_eq!(versions.last().unwrap()["value_version"], 1);
}

#[tokio::test]
async fn an_expiry_is_set_or_derived() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let mut body = api_key("secret");
    body["expires_at"] = "2031-02-03T04:05:06+02:00".into();
    let id = api.create_from(&body).await;
    let (at, caller) = (json!("2031-02-03T02:05:06.000000Z"), json!("caller"));
    assert_eq!(expiry(&revealed(api, &id).await), [&at, &caller]);
    patch(api, &id, &json!({"extcred_label": "kept"})).await;
    assert_eq!(expiry(&api.list().await[0]), [&at, &caller]);
    // Another secret has another expiry, unless the caller says so.
    patch(
        api,
        &id,
        &json!({"json_blob": {"api_key": "x"}, "expires_at": at}),
    )
    .await;
    assert_eq!(expiry(&revealed(api, &id).await), [&Value::Null; 2]);
    let other = json!("2032-01-01T00:00:00.000000Z");
    patch(
        api,
        &id,
        &json!({"json_blob": {"api_key": "y"}, "expires_at": other}),
    )
    .await;
    assert_eq!(expiry(&revealed(api, &id).await), [&other, &caller]);

    let mut body = json!({"extcred_provider": "generic", "extcred_type": "access_token"});
    body["json_blob"] = token(&json!(1_900_000_000));
    let id = api.create_from(&body).await;
    let (derived, jwt) = (json!("2030-03-17T17:46:40.000000Z"), json!("jwt_exp"));
    assert_eq!(expiry(&revealed(api, &id).await), [&derived, &jwt]);
    patch(api, &id, &json!({"expires_at": other})).await;
    assert_eq!(expiry(&revealed(api, &id).await), [&other, &caller]);
    patch(api, &id, &json!({"expires_at": null})).await;
    assert_eq!(expiry(&revealed(api, &id).await), [&derived, &jwt]);
    patch(api, &id, &json!({"json_blob": {"access_token": "opaque"}})).await;
    assert_eq!(expiry(&revealed(api, &id).await), [&Value::Null; 2]);
    for bad in [json!("2031-02-03"), json!(7), json!("")] {
        let answer = api.patch(&id, &json!({"expires_at": bad})).await;
        assert_eq!(failure(answer, 400).await.fields(), ["expires_at"], "{bad}");
    }
}

#[tokio::test]
async fn what_expires_is_found_and_what_has_expired_says_so() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let create = async |label: &str, at: Option<&str>| {
        let mut body = api_key("secret");
        body["extcred_label"] = label.into();
        body["expires_at"] = json!(at);
        api.create_from(&body).await
    };
    let past = create("past", Some("2020-01-01T00:00:00Z")).await;
    let later = create("later", Some("2040-01-01T00:00:00Z")).await;
    let never = create("never", None).await;
    let expired = async |id: &str| {
        let answer = api.reveal(id).await;
        assert_eq!(answer.status(), 200);
        answer.headers().contains_key("slashid-credential-expired")
    };
    assert!(expired(&past).await);
    assert!(!expired(&later).await && !expired(&never).await);
    for (before, expected) in [
        ("2019-01-01T00:00:00Z", vec![]),
        ("2030-01-01T00:00:00Z", vec!["past"]),
        ("2041-01-01T00:00:00%2B02:00", vec!["past", "later"]),
    ] {
        for paging in ["limit=10", "cursor="] {
            let path = format!("{CREDENTIALS}?{paging}&expires_before={before}");
            let found = api.call(Method::GET, &path, &Value::Null, 200).await;
            let found: Vec<_> = found.as_array().unwrap().clone();
            let found: Vec<_> = found.iter().map(|one| &one["extcred_label"]).collect();
            assert_eq!(found, expected, "{path}");
        }
    }
    let path = format!("{CREDENTIALS}?expires_before=soon");
    let refused = failure(api.get(&path).await, 400).await;
    assert_eq!(refused.fields(), ["expires_before"]);
}

#[tokio::test]
async fn a_label_in_the_path_finds_its_credential() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let create = async |label: &str| {
        let mut body = api_key(label);
        body["extcred_label"] = label.into();
        api.create_from(&body).await
    };
    let labels = ["plain", "with/slashes/in it", "100%25", "é+ü", "?a=b#c"];
    for label in labels {
        create(label).await;
    }
    let path = |label: &str| format!("{CREDENTIALS}/by-label/{label}");
    for encoded in [
        "plain",
        "with/slashes/in%20it",
        "with%2Fslashes%2Fin%20it",
        "100%2525",
        "%C3%A9+%C3%BC",
        "%3Fa=b%23c",
    ] {
        let found = api
            .call(Method::GET, &path(encoded), &Value::Null, 200)
            .await;
        let label = found["extcred_label"].as_str().unwrap();
        assert_eq!(found["json_blob"]["api_key"], label);
        assert!(labels.contains(&label), "{encoded}");
    }
    failure(api.get(&path("absent")).await, 404).await;
    failure(api.get(&path("Plain")).await, 404).await;
    for bad in ["", "%FF", "a%00"] {
        let refused = failure(api.get(&path(bad)).await, 400).await;
        assert_eq!(refused.fields(), ["label"], "{bad:?}");
    }
    let first = api.get(&path("plain")).await;
    let request = api.request(Method::GET, &path("plain"));
    let request = request.header("If-None-Match", &first.headers()["etag"]);
    assert_eq!(request.send().await.unwrap().status(), 304);

    create("plain").await;
    let refused = failure(api.get(&path("plain")).await, 409).await;
    assert_eq!(refused.body["errors"][0]["code"], "ambiguous_label");
    let named = refused.body["errors"][0]["credentials"].as_array();
    assert_eq!(named.unwrap().len(), 2);
    // Only what the key reaches counts.
    let permissions = ["credentials:reveal"];
    let reach = json!({"permissions": permissions, "credentials": {"label_prefix": "with/"}});
    let (limited, _) = api.issue(reach).await;
    failure(limited.get(&path("plain")).await, 404).await;
    assert_eq!(
        limited.get(&path("with/slashes/in%20it")).await.status(),
        200
    );
}
