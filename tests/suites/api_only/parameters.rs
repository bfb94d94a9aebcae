//! Parameters of queries, and members that answers add to a credential.

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestApi, api_key, failure};

async fn is_unknown(api: &Api, method: Method, path: &str, name: &str) {
    let request = api.request(method.clone(), path);
    let request = match method {
        Method::POST | Method::PATCH => request.json(&api_key("k")),
        _ => request,
    };
    let refused = failure(request.send().await.unwrap(), 400).await;
    let unknown = (name.to_owned(), "unknown_parameter".to_owned());
    let errors = &refused.errors;
    assert!(errors.contains(&unknown), "{method} {path}: {errors:?}");
}

/// A misspelled filter must not widen what a call reads or deletes.
#[tokio::test]
async fn unknown_parameters_are_refused_on_every_route() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("kept").await;
    let one = format!("{CREDENTIALS}/{id}");
    for (method, path, name) in [
        (Method::GET, format!("{CREDENTIALS}?Limit=1"), "Limit"),
        (
            Method::GET,
            format!("{CREDENTIALS}?limit=1&extcred_providers=x"),
            "extcred_providers",
        ),
        (
            Method::POST,
            format!("{CREDENTIALS}?dry_run=true"),
            "dry_run",
        ),
        (Method::GET, format!("{one}?reveal=false"), "reveal"),
        (Method::PATCH, format!("{one}?x"), "x"),
        (
            Method::DELETE,
            format!("{CREDENTIALS}?deleteAll=true&extcred_provider=google"),
            "extcred_provider",
        ),
        (
            Method::DELETE,
            format!("{CREDENTIALS}?credentialid={id}"),
            "credentialid",
        ),
        (
            Method::DELETE,
            format!("{CREDENTIALS}?credentialId={id}&DeleteAll=true"),
            "DeleteAll",
        ),
        (
            Method::GET,
            "/organizations/config/audit-events?Limit=1".into(),
            "Limit",
        ),
        (
            Method::GET,
            "/organizations/config/rotations?limit=1".into(),
            "limit",
        ),
    ] {
        is_unknown(api, method, &path, name).await;
    }
    assert_eq!(api.secret(&id).await["api_key"], "kept");
}

#[tokio::test]
async fn values_that_are_no_text_or_no_range_are_named() {
    let vault = TestApi::start().await;
    let sent = format!("{CREDENTIALS}?extcred_label=bad%ef%bf%bd");
    assert_eq!(vault.admin.get(&sent).await.status(), 200);
    for (query, said) in [
        ("extcred_label=bad%ff", "must be UTF-8"),
        ("offset=99999999999999999999", "at most 9223372036854775807"),
        ("limit=99999999999999999999", "at most 1000"),
        ("limit=1e3", "a whole number"),
    ] {
        let answer = vault.admin.get(&format!("{CREDENTIALS}?{query}")).await;
        let refused = failure(answer, 400).await;
        assert_eq!(refused.errors[0].1, "invalid_value", "{query}");
        assert!(refused.message().contains(said), "{}", refused.message());
    }
}

/// A client that reads, edits and sends back a credential changes what it edited.
#[tokio::test]
async fn an_answer_can_be_sent_back() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("k").await;
    api.reveal(&id).await;
    let listed = async || api.list().await[0].clone();
    strongroom_e2e::eventually(
        "it was used",
        std::time::Duration::from_secs(60),
        async || !listed().await["last_used_at"].is_null(),
    )
    .await;
    let revealed: Value = api.reveal(&id).await.json().await.unwrap();
    let mut whole = revealed["result"].clone();
    whole["extcred_label"] = json!("edited");
    assert_eq!(api.patch(&id, &whole).await.status(), 204, "{whole}");
    assert_eq!(listed().await["extcred_label"], "edited");
    let absent = json!({"extcred_label": null, "json_blob": {"api_key": "k2"}});
    assert_eq!(api.patch(&id, &absent).await.status(), 204);
    assert_eq!(listed().await["extcred_label"], "edited");
}

#[tokio::test]
async fn bodies_that_http_clients_send_are_read() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let mut unlabeled = api_key("k");
    unlabeled["extcred_label"] = Value::Null;
    for (content_type, encoding) in [
        ("application/json; charset=utf8", None),
        ("application/json; charset=\"UTF-8\"", None),
        ("application/json", Some("identity")),
    ] {
        let request = api.request(Method::POST, CREDENTIALS);
        let mut request = request.header("Content-Type", content_type);
        if let Some(encoding) = encoding {
            request = request.header("Content-Encoding", encoding);
        }
        let answer = request.body(unlabeled.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{content_type} {encoding:?}");
    }
    let marked = format!("\u{feff}{}", api_key("k"));
    let refused = failure(api.send(Method::POST, CREDENTIALS, marked).await, 400).await;
    let text = format!("{:?}", refused.errors);
    assert!(text.contains("malformed_json"), "{text}");
}
