//! Request bodies: refusals, and their error responses.

use reqwest::Method;
use serde_json::{Map, Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestApi, api_key, exchange, failure};

#[tokio::test]
async fn all_errors_come_in_one_answer() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let failed = api.refused("{}").await;
    let required = |field: &str| (field.to_owned(), "required".to_owned());
    let all = ["extcred_provider", "extcred_type", "json_blob"];
    assert_eq!(failed.errors, all.map(required));
    let bad = json!({"extcred_provider": "aws", "extcred_type": 7, "extcred_label": ["x"],
        "json_blob": {"x": 1}, "color": "red", "id": 1});
    let failed = api.refused(bad.to_string()).await;
    assert_eq!(
        failed.fields(),
        [
            "extcred_provider",
            "extcred_type",
            "extcred_label",
            "color",
            "id"
        ]
    );
    let both = json!({"extcred_provider": "generic", "extcred_type": "client_credentials",
        "json_blob": {"client_id": "", "client_secret": 5}});
    let failed = api.refused(both.to_string()).await;
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

/// Malformed bodies, each with the position that the message names.
const MALFORMED: [(&[u8], &str); 5] = [
    (b"", "empty"),
    (b"{\"a\":}", "line 1 column 6"),
    (b"{\n  \"a\" 1}", "line 2 column 7"),
    (b"\xef\xbb\xbf{}", "line 1 column 1"),
    (b"{\"extcred_label\":\"\xff\"}", "byte 18"),
];
/// Malformed ends of a body after `"json_blob":`.
const MALFORMED_ENDS: [&str; 5] = [
    r#"{"api_key":"hunter2""#,
    r#"{"api_key":"hunter2"}} x"#,
    r#"{"api_key":hunter2}}"#,
    r#"{"api_key":01}}"#,
    r#"{"api_key":NaN}}"#,
];

/// The answer to a small body is small, whatever is wrong with it.
#[tokio::test]
async fn at_most_twenty_errors_are_listed() {
    let vault = TestApi::start().await;
    let unknown: Map<String, Value> = (0..5000).map(|n| (format!("m{n}"), json!(1))).collect();
    let refused = vault.admin.post(&Value::Object(unknown)).await;
    assert_eq!(refused.status(), 400);
    let text = refused.text().await.unwrap();
    assert!(text.len() < 5000, "{} bytes", text.len());
    let body: Value = serde_json::from_str(&text).unwrap();
    let errors = body["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 21);
    // Three required members are missing as well.
    let rest = json!({"httpcode": 400, "code": "more_errors",
        "message": "the request has 4983 more errors"});
    assert_eq!(errors[20], rest);
}

async fn is_malformed(api: &Api, method: Method, path: &str, body: &[u8], position: &str) {
    let shown = String::from_utf8_lossy(body);
    let failed = failure(api.send(method, path, body.to_vec()).await, 400).await;
    assert_eq!(failed.errors[0].1, "malformed_json", "{shown}");
    let message = failed.message();
    assert!(message.contains(position), "{shown}: {message}");
    assert!(!failed.body.to_string().contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn malformed_json_is_refused_with_its_position() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("kept").await;
    let path = format!("{CREDENTIALS}/{id}");
    let start = r#"{"extcred_provider":"generic","extcred_type":"api_key","json_blob":"#;
    let ends = MALFORMED_ENDS.map(|end| format!("{start}{end}"));
    let ends = ends.iter().map(|body| (body.as_bytes(), "line 1"));
    for (body, position) in MALFORMED.into_iter().chain(ends) {
        is_malformed(api, Method::POST, CREDENTIALS, body, position).await;
        is_malformed(api, Method::PATCH, &path, body, position).await;
    }
    for (text, kind) in [
        ("[]", "an array"),
        ("null", "null"),
        ("\"x\"", "a string"),
        ("7", "a number"),
    ] {
        let failed = api.refused(text).await;
        assert!(failed.message().contains(kind), "{}", failed.message());
    }
    assert_eq!(api.secret(&id).await["api_key"], "kept");
    assert_eq!(api.list().await.len(), 1);
}

fn with_blob(blob: &str) -> String {
    let start = r#"{"extcred_provider":"generic","extcred_type":"json_credentials","json_blob":"#;
    format!("{start}{blob}}}")
}

fn nested(depth: usize) -> String {
    // The body is level 1 and the blob level 2.
    let (open, close) = ("[".repeat(depth - 2), "]".repeat(depth - 2));
    with_blob(&format!(r#"{{"a":{open}{close}}}"#))
}

/// Blobs that are not strict JSON, each with the field and code of the error.
const NOT_STRICT: [(&str, &str, &str); 4] = [
    (
        r#"{"a":1,"b":[0,{"c":"hunter2","\u0063":2}]}"#,
        "json_blob.b[1].c",
        "duplicate_member",
    ),
    (r#"{"a":"\ud800hunter2"}"#, "json_blob.a", "malformed_json"),
    (
        r#"{"a":["\udc00\ud800"]}"#,
        "json_blob.a[0]",
        "malformed_json",
    ),
    (r#"{"\ud83d":"hunter2"}"#, "json_blob", "malformed_json"),
];

#[tokio::test]
async fn strict_json_only() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let label_twice = r#"{"extcred_label":"a","extcred_label":"b"}"#.to_owned();
    let label_twice = (label_twice, "extcred_label", "duplicate_member");
    let blobs = NOT_STRICT.map(|(blob, field, code)| (with_blob(blob), field, code));
    for (text, field, code) in [label_twice].into_iter().chain(blobs) {
        let failed = api.refused(text.clone()).await;
        let expected = [(field.to_owned(), code.to_owned())];
        assert_eq!(failed.errors, expected, "{text}");
        assert!(!failed.body.to_string().contains("hunter2"), "{text}");
    }
    let answer = api.send(Method::POST, CREDENTIALS, nested(32)).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(api.refused(nested(33)).await.errors[0].1, "too_deep");
    assert_eq!(api.refused(nested(30_000)).await.errors[0].1, "too_deep");
    let mut many = (0..200)
        .map(|n| (format!("unknown{n}"), json!("hunter2")))
        .collect::<serde_json::Map<_, _>>();
    many.insert("x".repeat(20_000), json!("hunter2"));
    let failed = api.refused(Value::from(many).to_string()).await;
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
async fn only_json_is_read() {
    let vault = TestApi::start().await;
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
    let vault = TestApi::start().await;
    let api = &vault.admin;
    const LIMIT: usize = 64 * 1024;
    let answer = api.send(Method::POST, CREDENTIALS, sized(LIMIT)).await;
    assert_eq!(answer.status(), 201);
    let answer = api.send(Method::POST, CREDENTIALS, sized(LIMIT + 1)).await;
    failure(answer, 413).await;
    for size in [2 * LIMIT, 1_000_000, 10_000_000] {
        let answer = api.send(Method::POST, CREDENTIALS, sized(size)).await;
        failure(answer, 413).await;
    }
    for (size, status) in [
        (LIMIT, "201"),
        (LIMIT + 1, "413"),
        (3 * LIMIT, "413"),
        (10_000_000, "413"),
    ] {
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
