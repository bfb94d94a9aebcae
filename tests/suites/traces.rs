//! Traces over OTLP: their parents and contents; no request waits for the collector.

use std::time::Duration;

use nix::sys::signal::Signal;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, Collector, Scrape, Span, TestVault, eventually};

const LIMIT: Duration = Duration::from_secs(30);
const ID: &str = "0af7651916cd43dd8448eb211c80319c";
const OTHER: &str = "0af7651916cd43dd8448eb211c80319d";
const PARENT: &str = "b7ad6b7169203331";
/// Lets the tests name a parent, as a trusted proxy may.
const TRUSTED: (&str, &str) = ("STRONGROOM_TRUSTED_PROXIES", "127.0.0.1");
/// Sends spans every 50 ms instead of every 5 s.
const SOON: (&str, &str) = ("OTEL_BSP_SCHEDULE_DELAY", "50");

async fn traced(api: &Api, method: Method, path: &str, parent: &str, body: &Value) -> Response {
    let request = api.request(method, path).header("traceparent", parent);
    let request = match body {
        Value::Null => request,
        body => request.json(body),
    };
    request.send().await.unwrap()
}

fn credential() -> Value {
    json!({
        "extcred_provider": "generic",
        "extcred_type": "api_key",
        "extcred_label": "canary-label",
        "json_blob": {"api_key": "canary-secret"},
    })
}

/// Waits until all spans of `trace` have arrived; returns the request's span, which ends last.
async fn request_of(collector: &Collector, trace: &str) -> Span {
    let is_request = |span: &Span| span.name.contains(' ');
    let until = std::time::Instant::now() + LIMIT;
    while !collector.trace(trace).iter().any(is_request) {
        assert!(std::time::Instant::now() < until, "{:?}", collector.spans());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Spans of the whole batch may end later.
    eventually("all spans arrive", LIMIT, async || {
        let spans = collector.trace(trace);
        spans.iter().filter(|span| span.name == "queue").count()
            <= spans.iter().filter(|span| span.name == "database").count()
    })
    .await;
    let spans = collector.trace(trace);
    spans.iter().find(|span| is_request(span)).unwrap().clone()
}

fn names<'s>(spans: &'s [Span], request: &Span) -> Vec<&'s str> {
    let ids: Vec<&str> = spans.iter().map(|span| span.id.as_str()).collect();
    let mut names = Vec::new();
    for span in spans {
        if span.id != request.id {
            assert!(ids.contains(&span.parent.as_str()), "{span:?}");
            names.push(span.name.as_str());
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// Creates a credential in the trace [`ID`]; returns the credential's path.
async fn create_is_traced(collector: &Collector, api: &Api) -> String {
    let parent = format!("00-{ID}-{PARENT}-01");
    let made = traced(api, Method::POST, CREDENTIALS, &parent, &credential()).await;
    assert_eq!(made.status(), 201);
    let request = request_of(collector, ID).await;
    assert_eq!(request.name, format!("POST {CREDENTIALS}"));
    assert_eq!(request.parent, PARENT);
    let status = ("http.response.status_code".into(), "201".into());
    assert!(request.attributes.contains(&status), "{request:?}");
    let service = ("service.name".into(), "strongroom".into());
    assert!(request.resource.contains(&service), "{request:?}");
    let spans = collector.trace(ID);
    let expected = ["auth", "database", "queue", "seal"];
    assert_eq!(names(&spans, &request), expected);
    for part in &spans {
        assert!(part.nanoseconds <= 60_000_000_000, "{part:?}");
    }
    let body: Value = made.json().await.unwrap();
    format!("{CREDENTIALS}/{}", body["result"][0].as_str().unwrap())
}

async fn reveal_is_traced(collector: &Collector, api: &Api, path: &str) {
    let parent = format!("00-{OTHER}-{PARENT}-01");
    let shown = traced(api, Method::GET, path, &parent, &Value::Null).await;
    assert_eq!(shown.status(), 200);
    let request = request_of(collector, OTHER).await;
    assert_eq!(request.name, format!("GET {CREDENTIALS}/{{cred_id}}"));
    let spans = collector.trace(OTHER);
    let expected = ["auth", "database", "open", "queue"];
    assert_eq!(names(&spans, &request), expected);
}

/// A change opens and seals within the transaction.
async fn change_is_traced(collector: &Collector, api: &Api, path: &str) {
    let third = "1".repeat(32);
    let parent = format!("00-{third}-{PARENT}-01");
    let change = json!({"extcred_label": "canary-label-2"});
    let changed = traced(api, Method::PATCH, path, &parent, &change).await;
    assert_eq!(changed.status(), 204);
    let request = request_of(collector, &third).await;
    let spans = collector.trace(&third);
    let expected = ["auth", "database", "open", "queue", "seal"];
    assert_eq!(names(&spans, &request), expected);
}

#[tokio::test]
async fn a_trace_goes_on_through_auth_seal_queue_and_database() {
    let collector = Collector::start().await;
    let url = collector.url();
    let vault = TestVault::start_with(&[("STRONGROOM_OTLP_ENDPOINT", &url), TRUSTED, SOON]).await;
    let api = &vault.admin;
    let path = create_is_traced(&collector, api).await;
    reveal_is_traced(&collector, api, &path).await;
    change_is_traced(&collector, api, &path).await;

    let everything = format!("{:?}", collector.spans());
    let id = path.rsplit('/').next().unwrap();
    for secret in ["canary", &api.key, &api.org, id] {
        assert!(!everything.contains(secret), "{secret}");
    }
    let sent = Scrape::of(&api.url).await;
    assert!(sent.number("strongroom_spans_total", &["result=\"ok\""]) > 10.0);
}

#[tokio::test]
async fn the_senders_choice_not_to_sample_counts() {
    let collector = Collector::start().await;
    let url = format!("{}/v1/traces", collector.url());
    // The standard variable for traces contains the whole URL.
    let variables = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*url), TRUSTED, SOON];
    let vault = TestVault::start_with(&variables).await;
    let api = &vault.admin;
    for (trace, flags) in [(ID, "00"), (OTHER, "01")] {
        let parent = format!("00-{trace}-{PARENT}-{flags}");
        let listed = traced(api, Method::GET, CREDENTIALS, &parent, &Value::Null).await;
        assert_eq!(listed.status(), 200);
    }
    request_of(&collector, OTHER).await;
    assert_eq!(collector.trace(ID).len(), 0);
    // An invalid trace context begins a new trace.
    let parent = "not a trace";
    let refused = traced(
        &vault.member,
        Method::POST,
        CREDENTIALS,
        parent,
        &credential(),
    )
    .await;
    assert_eq!(refused.status(), 403);
    let new = || {
        let spans = collector.spans();
        spans.into_iter().find(|span| {
            let status = ("http.response.status_code".into(), "403".into());
            span.attributes.contains(&status)
        })
    };
    eventually("the refused request arrives", LIMIT, async || {
        new().is_some()
    })
    .await;
    assert_eq!(new().unwrap().parent, "");
}

#[tokio::test]
async fn a_ratio_of_none_leaves_the_choice_to_senders() {
    let collector = Collector::start().await;
    let url = collector.url();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*url),
        ("STRONGROOM_TRACE_SAMPLE_RATIO", "0"),
        TRUSTED,
        SOON,
    ];
    let vault = TestVault::start_with(&variables).await;
    let api = &vault.admin;
    for _ in 0..20 {
        api.list().await;
    }
    let parent = format!("00-{ID}-{PARENT}-01");
    traced(api, Method::GET, CREDENTIALS, &parent, &Value::Null).await;
    request_of(&collector, ID).await;
    assert!(collector.spans().iter().all(|span| span.trace == ID));
}

/// The caller of the API decides neither what is exported nor to which trace it belongs.
#[tokio::test]
async fn a_parent_counts_only_from_a_trusted_proxy() {
    let collector = Collector::start().await;
    let url = collector.url();
    let lists = || {
        let spans = collector.spans();
        let name = format!("GET {CREDENTIALS}");
        spans.into_iter().filter(|span| span.name == name).count()
    };
    let other_proxy = ("STRONGROOM_TRUSTED_PROXIES", "192.0.2.0/24");
    for (proxies, total) in [(None, 2), (Some(other_proxy), 4)] {
        let mut variables = vec![("STRONGROOM_OTLP_ENDPOINT", &*url), SOON];
        variables.extend(proxies);
        let vault = TestVault::start_with(&variables).await;
        for (trace, flags) in [(ID, "00"), (OTHER, "01")] {
            let parent = format!("00-{trace}-{PARENT}-{flags}");
            let api = &vault.admin;
            traced(api, Method::GET, CREDENTIALS, &parent, &Value::Null).await;
        }
        eventually("the requests are exported", LIMIT, async || {
            lists() == total
        })
        .await;
    }
    for span in collector.spans() {
        assert!(![ID, OTHER].contains(&&*span.trace), "{span:?}");
    }
}

#[tokio::test]
async fn without_a_collector_requests_are_served_and_one_line_tells() {
    // The first address refuses connections; the second accepts them, and never answers.
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for address in [closed, silent.local_addr().unwrap()] {
        let url = format!("http://{address}");
        let variables = [("STRONGROOM_OTLP_ENDPOINT", &*url), SOON];
        let mut vault = TestVault::start_with(&variables).await;
        let api = vault.admin.clone();
        for _ in 0..300 {
            api.list().await;
        }
        vault.server.wait_for_log("\"condition\":\"trace_export\"");
        for _ in 0..300 {
            api.list().await;
        }
        let log = vault.server.log();
        assert_eq!(
            log.matches("\"condition\":\"trace_export\"").count(),
            1,
            "{log}"
        );
        let metrics = Scrape::of(&api.url).await;
        let condition = ["of=\"server\"", "condition=\"trace_export\""];
        assert_eq!(
            metrics.number("strongroom_condition_active", &condition),
            1.0
        );
        assert!(metrics.number("strongroom_spans_total", &["result=\"failed\""]) > 0.0);
        vault.server.signal(Signal::SIGTERM);
        assert_eq!(vault.server.wait(Duration::from_secs(15)), Some(0));
    }
}
