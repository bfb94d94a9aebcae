//! Bodies of every kind: what is refused, and how that is said.

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, Failure, TestVault, api_key, exchange, failure};

async fn refused(api: &Api, body: impl Into<reqwest::Body>) -> Failure {
    failure(api.send(Method::POST, CREDENTIALS, body).await, 400).await
}

fn body(provider: &str, kind: &str, blob: &Value) -> Value {
    json!({"extcred_provider": provider, "extcred_type": kind, "json_blob": blob})
}

/// What each type needs.
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
async fn all_errors_come_in_one_answer() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let failed = refused(api, "{}").await;
    let required = |field: &str| (field.to_owned(), "required".to_owned());
    let all = ["extcred_provider", "extcred_type", "json_blob"];
    assert_eq!(failed.errors, all.map(required));
    let bad = json!({"extcred_provider": "aws", "extcred_type": 7, "extcred_label": ["x"],
        "json_blob": {"x": 1}, "colour": "red", "id": 1});
    let failed = refused(api, bad.to_string()).await;
    assert_eq!(
        failed.fields(),
        [
            "extcred_provider",
            "extcred_type",
            "extcred_label",
            "colour",
            "id"
        ]
    );
    let both = body(
        "generic",
        "client_credentials",
        &json!({"client_id": "", "client_secret": 5}),
    );
    let failed = refused(api, both.to_string()).await;
    let expected = [
        ("json_blob.client_id", "empty"),
        ("json_blob.client_secret", "wrong_type"),
    ];
    assert_eq!(
        failed.errors,
        expected.map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    assert_eq!(api.list().await.len(), 0);
}

#[tokio::test]
async fn every_type_needs_its_members_in_either_spelling() {
    let vault = TestVault::start().await;
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
            let failed = refused(api, body(provider, kind, &json!({})).to_string()).await;
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
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let account = json!({"type": "service_account", "project_id": "p", "private_key": "k", "client_email": "e"});
    api.create_from(&body("google", "json_credentials", &account))
        .await;
    for missing in ["type", "project_id", "private_key", "client_email"] {
        let mut less = account.clone();
        less.as_object_mut().unwrap().remove(missing);
        let failed = refused(api, body("google", "json_credentials", &less).to_string()).await;
        assert_eq!(failed.fields(), [format!("json_blob.{missing}")]);
        api.create_from(&body("generic", "json_credentials", &less))
            .await;
    }
    let mut user = account.clone();
    user["type"] = json!("authorized_user");
    let failed = refused(api, body("google", "json_credentials", &user).to_string()).await;
    assert_eq!(failed.fields(), ["json_blob.type"]);
}

#[tokio::test]
async fn a_setting_asks_for_any_object_only() {
    let vault = TestVault::start_with(&[("STRONGROOM_BLOB_RULES", "object")]).await;
    let api = &vault.admin;
    for (kind, _) in NEEDED {
        let id = api
            .create_from(&body("google", kind, &json!({"x": 1})))
            .await;
        let change = json!({"json_blob": {"y": null}});
        assert_eq!(api.patch(&id, &change).await.status(), 204);
        let failed = refused(api, body("google", kind, &json!({})).to_string()).await;
        assert_eq!(failed.fields(), ["json_blob"]);
    }
}

#[tokio::test]
async fn a_blob_is_an_object() {
    let vault = TestVault::start().await;
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
        let answer = refused(api, body("generic", "json_credentials", &blob).to_string()).await;
        assert_eq!(answer.fields(), ["json_blob"], "{blob}");
        let answer = api.patch(&id, &json!({"json_blob": blob})).await;
        let failed = failure(answer, 400).await;
        assert!(failed.fields()[0].starts_with("json_blob"), "{blob}");
    }
    assert_eq!(api.secret(&id).await["api_key"], "kept");
    assert_eq!(api.list().await.len(), 1);
}

#[tokio::test]
async fn malformed_json_is_refused_with_its_position() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let id = api.create("kept").await;
    let path = format!("{CREDENTIALS}/{id}");
    let prefix = r#"{"extcred_provider":"generic","extcred_type":"api_key","json_blob":"#;
    let cases: [(Vec<u8>, &str); 10] = [
        (b"".to_vec(), "empty"),
        (b"{\"a\":}".to_vec(), "line 1 column 6"),
        (b"{\n  \"a\" 1}".to_vec(), "line 2 column 7"),
        (
            format!("{prefix}{{\"api_key\":\"hunter2\"").into_bytes(),
            "line 1",
        ),
        (
            format!("{prefix}{{\"api_key\":\"hunter2\"}}}} x").into_bytes(),
            "line 1",
        ),
        (
            format!("{prefix}{{\"api_key\":hunter2}}}}").into_bytes(),
            "line 1",
        ),
        (
            format!("{prefix}{{\"api_key\":01}}}}").into_bytes(),
            "line 1",
        ),
        (
            format!("{prefix}{{\"api_key\":NaN}}}}").into_bytes(),
            "line 1",
        ),
        (b"\xef\xbb\xbf{}".to_vec(), "line 1 column 1"),
        (b"{\"extcred_label\":\"\xff\"}".to_vec(), "byte 18"),
    ];
    for (bytes, position) in cases {
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        for (method, path) in [(Method::POST, CREDENTIALS), (Method::PATCH, &path)] {
            let failed = failure(api.send(method, path, bytes.clone()).await, 400).await;
            assert_eq!(failed.errors[0].1, "malformed_json", "{shown}");
            assert!(
                failed.message().contains(position),
                "{shown}: {}",
                failed.message()
            );
            assert!(!failed.body.to_string().contains("hunter2"), "{shown}");
        }
    }
    for (text, kind) in [
        ("[]", "an array"),
        ("null", "null"),
        ("\"x\"", "a string"),
        ("7", "a number"),
    ] {
        let failed = refused(api, text).await;
        assert!(failed.message().contains(kind), "{}", failed.message());
    }
    assert_eq!(api.secret(&id).await["api_key"], "kept");
    assert_eq!(api.list().await.len(), 1);
}

fn nested(depth: usize) -> String {
    // The body is level 1 and the blob level 2.
    let (open, close) = ("[".repeat(depth - 2), "]".repeat(depth - 2));
    format!(
        r#"{{"extcred_provider":"generic","extcred_type":"json_credentials","json_blob":{{"a":{open}{close}}}}}"#
    )
}

#[tokio::test]
async fn strict_json_only() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let with_blob = |blob: &str| {
        format!(
            r#"{{"extcred_provider":"generic","extcred_type":"json_credentials","json_blob":{blob}}}"#
        )
    };
    let cases = [
        (
            r#"{"extcred_label":"a","extcred_label":"b"}"#.to_owned(),
            "extcred_label",
            "duplicate_member",
        ),
        (
            with_blob(r#"{"a":1,"b":[0,{"c":"hunter2","\u0063":2}]}"#),
            "json_blob.b[1].c",
            "duplicate_member",
        ),
        (
            with_blob(r#"{"a":"\ud800hunter2"}"#),
            "json_blob.a",
            "malformed_json",
        ),
        (
            with_blob(r#"{"a":["\udc00\ud800"]}"#),
            "json_blob.a[0]",
            "malformed_json",
        ),
        (
            with_blob(r#"{"\ud83d":"hunter2"}"#),
            "json_blob",
            "malformed_json",
        ),
    ];
    for (text, field, code) in cases {
        let failed = refused(api, text.clone()).await;
        assert_eq!(
            failed.errors,
            [(field.to_owned(), code.to_owned())],
            "{text}"
        );
        assert!(!failed.body.to_string().contains("hunter2"), "{text}");
    }
    let answer = api.send(Method::POST, CREDENTIALS, nested(32)).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(refused(api, nested(33)).await.errors[0].1, "too_deep");
    assert_eq!(refused(api, nested(30_000)).await.errors[0].1, "too_deep");
    let mut many = (0..200)
        .map(|n| (format!("unknown{n}"), json!("hunter2")))
        .collect::<serde_json::Map<_, _>>();
    many.insert("x".repeat(20_000), json!("hunter2"));
    let failed = refused(api, Value::from(many).to_string()).await;
    assert!(
        failed
            .fields()
            .iter()
            .all(|field| field.chars().count() <= 100)
    );
    assert!(!failed.body.to_string().contains("hunter2"));
    assert_eq!(api.list().await.len(), 1);
}

#[tokio::test]
async fn labels_have_limits() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let labelled = |label: &Value| {
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
        let id = api.create_from(&labelled(&json!(good))).await;
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
        (json!(null), "wrong_type"),
        (json!(7), "wrong_type"),
        (json!({"a": 1}), "wrong_type"),
    ];
    for (label, code) in bad {
        let expected = [("extcred_label".to_owned(), code.to_owned())];
        assert_eq!(
            refused(api, labelled(&label).to_string()).await.errors,
            expected
        );
        let answer = api.patch(&id, &json!({"extcred_label": label})).await;
        assert_eq!(failure(answer, 400).await.errors, expected);
    }
    assert_eq!(api.list().await.len(), 7);
}

#[tokio::test]
async fn only_json_is_read() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let post = |header: Option<(&'static str, &'static str)>| {
        let request = api
            .request(Method::POST, CREDENTIALS)
            .body(api_key("k").to_string());
        match header {
            Some((name, value)) => request.header(name, value),
            None => request,
        }
    };
    for good in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=\"UTF-8\"",
    ] {
        let answer = post(Some(("Content-Type", good))).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{good}");
    }
    let bad = [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "application/json; charset=latin1",
    ];
    for bad in bad
        .map(|value| Some(("Content-Type", value)))
        .into_iter()
        .chain([None])
    {
        failure(post(bad).send().await.unwrap(), 415).await;
    }
    let packed =
        post(Some(("Content-Type", "application/json"))).header("Content-Encoding", "gzip");
    failure(packed.send().await.unwrap(), 415).await;
    assert_eq!(api.list().await.len(), 3);
}

fn sized(bytes: usize) -> String {
    let empty = api_key("").to_string();
    api_key(&"x".repeat(bytes - empty.len())).to_string()
}

#[tokio::test]
async fn bodies_have_at_most_64_kib() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    const LIMIT: usize = 64 * 1024;
    let answer = api.send(Method::POST, CREDENTIALS, sized(LIMIT)).await;
    assert_eq!(answer.status(), 201);
    let answer = api.send(Method::POST, CREDENTIALS, sized(LIMIT + 1)).await;
    failure(answer, 413).await;
    for (size, status) in [(LIMIT, "201"), (LIMIT + 1, "413"), (3 * LIMIT, "413")] {
        let answer = exchange(&api.url, chunked(api, &sized(size)).as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{size}: {answer}"
        );
    }
    assert_eq!(api.list().await.len(), 2);
}

fn chunked(api: &Api, body: &str) -> String {
    let mut request = format!(
        "POST {CREDENTIALS} HTTP/1.1\r\nHost: x\r\nSlashID-OrgID: {}\r\nSlashID-API-Key: {}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        api.org, api.key
    );
    for part in body.as_bytes().chunks(10_000) {
        request += &format!(
            "{:x}\r\n{}\r\n",
            part.len(),
            std::str::from_utf8(part).unwrap()
        );
    }
    request + "0\r\n\r\n"
}
