//! Headers: consistency and caching; the envelope of unknown paths.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestApi, api_key, exchange, failure};

const LEVEL: &str = "SlashID-Required-Consistency";
const TIMEOUT: &str = "SlashID-Required-Consistency-Timeout";

type Headers = Vec<(&'static str, &'static str)>;

async fn with(api: &Api, method: Method, path: &str, body: &Value, headers: &Headers) -> Response {
    let mut request = api.request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !body.is_null() {
        request = request.json(body);
    }
    request.send().await.unwrap()
}

/// Every write on the credential `id`, with the status of a success.
fn writes(id: &str) -> [(Method, String, Value, u16); 3] {
    let (one, label) = (
        format!("{CREDENTIALS}/{id}"),
        json!({"extcred_label": "changed"}),
    );
    let gone = format!("{CREDENTIALS}?credentialId={id}");
    [
        (Method::POST, CREDENTIALS.into(), api_key("new"), 201),
        (Method::PATCH, one, label, 204),
        (Method::DELETE, gone, Value::Null, 204),
    ]
}

#[tokio::test]
async fn good_consistency_headers_are_taken() {
    let vault = TestApi::start().await;
    let good: [Headers; 6] = [
        vec![(LEVEL, "local_region")],
        vec![(LEVEL, "all_regions")],
        vec![(TIMEOUT, "1")],
        vec![(TIMEOUT, "120")],
        vec![(LEVEL, "all_regions"), (TIMEOUT, "30")],
        vec![(LEVEL, "local_region"), (TIMEOUT, "5")],
    ];
    for headers in good {
        let id = vault.admin.create("secret").await;
        for (method, path, body, status) in writes(&id) {
            let answer = with(&vault.admin, method.clone(), &path, &body, &headers).await;
            assert_eq!(answer.status(), status, "{method} {headers:?}");
        }
    }
}

const BAD_LEVELS: [&str; 5] = [
    "",
    "everywhere",
    "ALL_REGIONS",
    "all_regions,local_region",
    "all-regions",
];
const BAD_TIMEOUTS: [&str; 12] = [
    "",
    "0",
    "121",
    "-1",
    "+5",
    "1.5",
    "5s",
    "ten",
    "1e1",
    "99999999999999999999",
    "0x5",
    "5 5",
];

#[tokio::test]
async fn bad_consistency_headers_are_named_and_nothing_is_written() {
    let vault = TestApi::start().await;
    let id = vault.admin.create("secret").await;
    let one = |name| move |value| (vec![(name, value)], vec![name]);
    let mut cases: Vec<(Headers, Vec<&str>)> = BAD_LEVELS.map(one(LEVEL)).to_vec();
    cases.extend(BAD_TIMEOUTS.map(one(TIMEOUT)));
    cases.push((vec![(LEVEL, "x"), (TIMEOUT, "x")], vec![LEVEL, TIMEOUT]));
    cases.push((
        vec![(LEVEL, "all_regions"), (LEVEL, "all_regions")],
        vec![LEVEL],
    ));
    cases.push((vec![(TIMEOUT, "5"), (TIMEOUT, "6")], vec![TIMEOUT]));
    cases.push((vec![(LEVEL, "all_regions"), (TIMEOUT, "0")], vec![TIMEOUT]));
    for (headers, fields) in cases {
        for (method, path, body, _) in writes(&id) {
            let answer = with(&vault.admin, method.clone(), &path, &body, &headers).await;
            let failed = failure(answer, 400).await;
            assert_eq!(failed.fields(), fields, "{method} {headers:?}");
        }
    }
    let listed = vault.admin.list().await;
    assert_eq!(listed.len(), 1, "something was written or deleted");
    assert_eq!(listed[0]["extcred_label"], "", "something was changed");
}

#[tokio::test]
async fn reads_do_not_mind_consistency_headers() {
    let vault = TestApi::start().await;
    let id = vault.admin.create("secret").await;
    for path in [CREDENTIALS.to_owned(), format!("{CREDENTIALS}/{id}")] {
        let headers = vec![(LEVEL, "nonsense"), (TIMEOUT, "0")];
        let answer = with(&vault.admin, Method::GET, &path, &Value::Null, &headers).await;
        assert_eq!(answer.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_answered_in_the_envelope() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let one = format!("{CREDENTIALS}/0190a1b2-0000-7000-8000-0123456789ab");
    let slash = format!("{CREDENTIALS}/");
    let deeper = format!("{one}/more");
    for path in [
        "/",
        "/organization",
        "/organizations/config/x",
        "/oauth2/authorize",
        "/x/../y",
        "/%00",
        &deeper,
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            failure(api.bare(method, path).send().await.unwrap(), 404).await;
        }
    }
    let answer = api.get(&slash).await.status();
    assert!([400, 404].contains(&answer.as_u16()), "{answer}");
    let paths = [
        (
            CREDENTIALS,
            "GET, POST, DELETE",
            ["PUT", "PATCH", "OPTIONS", "BREW"],
        ),
        (&one, "GET, PATCH", ["POST", "PUT", "DELETE", "TRACE"]),
        ("/healthz", "GET, HEAD", ["POST", "PUT", "DELETE", "PATCH"]),
        ("/readyz", "GET, HEAD", ["POST", "PUT", "DELETE", "PATCH"]),
    ];
    for (path, allow, methods) in paths {
        for method in methods {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = api.request(method, path).send().await.unwrap();
            assert_eq!(answer.headers()["allow"], allow);
            failure(answer, 405).await;
        }
    }
    assert_eq!(api.list().await.len(), 0);
}

#[tokio::test]
async fn no_answer_may_be_stored_by_a_cache() {
    let vault = TestApi::start().await;
    let (api, member) = (&vault.admin, &vault.member);
    let id = api.create("secret").await;
    let one = format!("{CREDENTIALS}/{id}");
    let large = "x".repeat(70_000);
    let untyped = api.request(Method::POST, CREDENTIALS).body("x");
    let answers = [
        (api.post(&api_key("x")).await, 201),
        (api.get(CREDENTIALS).await, 200),
        (api.get(&one).await, 200),
        (api.patch(&id, &json!({"extcred_label": "x"})).await, 204),
        (api.delete(&format!("credentialId={id}")).await, 204),
        (api.get(&one).await, 404),
        (api.get("/nowhere").await, 404),
        (api.get("/healthz").await, 200),
        (api.get("/readyz").await, 200),
        (api.patch(&id, &json!({})).await, 400),
        (member.get(&one).await, 403),
        (api.bare(Method::GET, &one).send().await.unwrap(), 401),
        (api.bare(Method::PUT, &one).send().await.unwrap(), 405),
        (api.send(Method::POST, CREDENTIALS, large).await, 413),
        (untyped.send().await.unwrap(), 415),
    ];
    for (answer, status) in answers {
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers().get_all("cache-control").iter().count(), 1);
        assert_eq!(answer.headers()["cache-control"], "no-store", "{status}");
        assert!(answer.headers().contains_key("x-request-id"), "{status}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_answered_and_closed() {
    let vault = TestApi::start().await;
    for garbage in [
        "x\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\u{0}\u{1}\u{2}\r\n\r\n",
    ] {
        let answer = exchange(&vault.admin.url, garbage.as_bytes()).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
            "{answer}"
        );
    }
    assert_eq!(vault.admin.list().await.len(), 0);
}
