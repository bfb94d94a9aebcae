//! `/metrics`: counts are correct, all names are documented, and no value identifies a caller.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use strongroom_e2e::{
    CREDENTIALS, Database, Scrape, Server, TestVault, deploy_folder, eventually, failure,
};

const LIMIT: Duration = Duration::from_secs(30);
const REQUESTS: &str = "strongroom_http_requests_total";

fn route(pattern: &str) -> String {
    format!("route=\"{pattern}\"")
}

/// Two scrapes, between which metrics grow.
struct Grown(Scrape, Scrape);

impl Grown {
    fn by(&self, name: &str, labels: &[&str]) -> f64 {
        self.1.number(name, labels) - self.0.value(name, labels).unwrap_or(0.0)
    }
}

/// Sends requests with every kind of answer; returns the scrapes before and after them, and the id
/// of the created credential.
async fn answers(vault: &TestVault) -> (Grown, String) {
    let (api, before) = (&vault.admin, Scrape::of(&vault.admin.url).await);
    let id = api.create("canary").await;
    for _ in 0..3 {
        assert_eq!(api.reveal(&id).await.status(), 200);
    }
    let label = json!({"extcred_label": "new"});
    assert_eq!(api.patch(&id, &label).await.status(), 204);
    assert_eq!(api.at(&api.url).get("/nowhere/canary").await.status(), 404);
    let anonymous = api.bare(Method::GET, CREDENTIALS).send().await.unwrap();
    assert_eq!(anonymous.status(), 401);
    let mut stranger = api.clone();
    stranger.key = stranger.key.replace('a', "b");
    assert_eq!(stranger.get(CREDENTIALS).await.status(), 401);
    let odd = Method::from_bytes(b"PURGE").unwrap();
    let odd = api.request(odd, CREDENTIALS).send().await.unwrap();
    assert_eq!(odd.status(), 405);
    (Grown(before, Scrape::of(&api.url).await), id)
}

#[tokio::test]
async fn requests_are_counted_by_route_method_and_status() {
    let vault = TestVault::start().await;
    let (grown, _) = answers(&vault).await;
    let (all, one) = (
        route(CREDENTIALS),
        route(&format!("{CREDENTIALS}/{{cred_id}}")),
    );
    let more = |name: &str, labels: &[&str]| grown.by(name, labels);
    assert_eq!(
        more(REQUESTS, &[&all, "method=\"POST\"", "code=\"201\""]),
        1.0
    );
    assert_eq!(
        more(REQUESTS, &[&one, "method=\"GET\"", "code=\"200\""]),
        3.0
    );
    assert_eq!(
        more(REQUESTS, &[&one, "method=\"PATCH\"", "code=\"204\""]),
        1.0
    );
    assert_eq!(
        more(REQUESTS, &[&all, "method=\"GET\"", "code=\"401\""]),
        2.0
    );
    assert_eq!(
        more(REQUESTS, &[&all, "method=\"other\"", "code=\"405\""]),
        1.0
    );
    assert_eq!(more(REQUESTS, &["route=\"unknown\"", "code=\"404\""]), 1.0);
    let times = "strongroom_http_request_duration_seconds";
    assert_eq!(
        more(&format!("{times}_count"), &[&one, "method=\"GET\""]),
        3.0
    );
    assert_eq!(
        more(
            &format!("{times}_bucket"),
            &[&one, "method=\"GET\"", "le=\"+Inf\""]
        ),
        3.0
    );
    assert!(more(&format!("{times}_sum"), &[&one, "method=\"GET\""]) > 0.0);
    assert!(grown.1.text.contains("le=\"0.0005\""), "{}", grown.1.text);
}

/// Counters with a label or none, and how much the requests of [`answers`] add to them.
const ADDED: [(&str, &[&str], f64); 6] = [
    ("strongroom_seals_total", &["result=\"ok\""], 2.0),
    ("strongroom_opens_total", &["result=\"ok\""], 4.0),
    ("strongroom_audit_events_total", &[], 5.0),
    (
        "strongroom_authentications_total",
        &["result=\"accepted\""],
        5.0,
    ),
    (
        "strongroom_authentications_total",
        &["result=\"refused\""],
        1.0,
    ),
    ("strongroom_batch_size_sum", &["queue=\"writes\""], 5.0),
];
/// Values after the requests of [`answers`].
const EXACT: [(&str, &[&str], f64); 4] = [
    ("strongroom_queue_waiting", &["queue=\"writes\""], 0.0),
    ("strongroom_pool_limit", &["pool=\"primary\""], 16.0),
    ("strongroom_ready", &[], 1.0),
    ("strongroom_http_requests_in_flight", &[], 1.0),
];
/// Metrics that are at least 1 after the requests of [`answers`].
const AT_LEAST_ONE: [(&str, &[&str]); 3] = [
    ("strongroom_audit_lanes_total", &[]),
    ("strongroom_pool_connections", &["pool=\"shared\""]),
    ("strongroom_http_connections", &[]),
];

#[tokio::test]
async fn batches_seals_events_and_connections_are_counted() {
    let vault = TestVault::start().await;
    let (grown, id) = answers(&vault).await;
    let (api, now) = (&vault.admin, &grown.1);
    for (name, labels, expected) in ADDED {
        assert_eq!(grown.by(name, labels), expected, "{name} {labels:?}");
    }
    let batches = "strongroom_batch_duration_seconds_count";
    assert!(grown.by(batches, &["queue=\"writes\""]) >= 3.0);
    for (name, labels, expected) in EXACT {
        assert_eq!(now.number(name, labels), expected, "{name} {labels:?}");
    }
    for (name, labels) in AT_LEAST_ONE {
        assert!(now.number(name, labels) >= 1.0, "{name} {labels:?}");
    }
    assert!(now.number("strongroom_audit_last_event_timestamp_seconds", &[]) > 1.7e9);
    assert!(now.number("process_resident_memory_bytes", &[]) > 1e6);
    let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert_eq!(now.number("strongroom_build_info", &[&version]), 1.0);
    assert_eq!(
        now.value("strongroom_condition_active", &[]),
        Some(0.0),
        "{}",
        now.text
    );
    for secret in [&api.org, &api.key, &id, "canary", "PURGE"] {
        assert!(!now.text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn metrics_may_have_an_address_of_their_own() {
    let variables = [("STRONGROOM_METRICS_LISTEN", "127.0.0.1:0")];
    let mut vault = TestVault::start_with(&variables).await;
    let hidden = failure(vault.admin.get("/metrics").await, 404).await;
    assert_eq!(hidden.errors[0].1, "unknown_path");
    let own = address(&vault.server);
    vault.admin.create("secret").await;
    let metrics = Scrape::of(&own).await;
    let created = [&*route(CREDENTIALS), "method=\"POST\"", "code=\"201\""];
    assert_eq!(metrics.number(REQUESTS, &created), 1.0);
    let elsewhere = vault.admin.at(&own);
    for path in [CREDENTIALS, "/readyz", "/docs", "/"] {
        assert_eq!(elsewhere.get(path).await.status(), 404, "{path}");
    }
    // As on the API's address, an offer to change the protocol is ignored.
    let request = elsewhere.bare(reqwest::Method::GET, "/metrics");
    let offer = request
        .header("Connection", "Upgrade")
        .header("Upgrade", "h2c");
    let answer = offer.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers().get("connection"), None);
    vault.server.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(vault.server.wait(LIMIT), Some(0));
}

/// The URL at which `server` serves its metrics.
fn address(server: &Server) -> String {
    server.wait_for_log("serving the metrics");
    let log = server.log();
    let line = log
        .lines()
        .find(|line| line.contains("serving the metrics"));
    let line: serde_json::Value = serde_json::from_str(line.unwrap()).unwrap();
    format!("http://{}", line["address"].as_str().unwrap())
}

#[tokio::test]
async fn organizations_are_named_only_when_that_is_asked_for() {
    let vault = TestVault::start_with(&[("STRONGROOM_METRICS_BY_ORGANIZATION", "true")]).await;
    let (other, _) = vault.new_organization("other");
    vault.admin.create("secret").await;
    assert_eq!(vault.admin.reveal("nowhere").await.status(), 400);
    other.list().await;
    let metrics = Scrape::of(&vault.admin.url).await;
    let name = "strongroom_organization_requests_total";
    let label = |org: &str| format!("organization=\"{org}\"");
    let first = label(&vault.admin.org);
    assert_eq!(metrics.number(name, &[&first, "class=\"2xx\""]), 1.0);
    assert_eq!(metrics.number(name, &[&first, "class=\"4xx\""]), 1.0);
    assert_eq!(metrics.number(name, &[&label(&other.org)]), 1.0);
}

#[tokio::test]
async fn every_metric_is_documented_and_there() {
    let database = Database::create().await;
    let regions = format!("eu={}", database.app_url());
    let variables = [
        ("STRONGROOM_REGIONS", &*regions),
        ("STRONGROOM_METRICS_BY_ORGANIZATION", "true"),
    ];
    let vault = TestVault::start_on(database, &variables).await;
    vault.admin.list().await;
    let guide = deploy_folder().join("../docs/observability.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    // This server has no TLS.
    let lines = guide.lines().filter(|line| !line.contains("only with TLS"));
    let documented = lines.filter_map(|line| {
        let name = line.strip_prefix("| `")?.split(['`', '{']).next()?;
        (name.starts_with("strongroom_") || name.starts_with("process_")).then_some(name)
    });
    let documented: std::collections::BTreeSet<_> = documented.collect();
    let metrics = Scrape::of(&vault.admin.url).await;
    assert_eq!(documented, metrics.names());
}

#[tokio::test]
async fn a_rotation_shows_how_far_it_is() {
    let vault = TestVault::start().await;
    for n in 0..40 {
        vault.admin.create(&format!("secret {n}")).await;
    }
    let (url, root_key) = (vault.database.superuser_url(), vault.root_key_file());
    let variables = [
        ("STRONGROOM_DATABASE_URL", &*url),
        ("STRONGROOM_ROOT_KEY_FILE", &root_key),
    ];
    let org = vault.admin.org.as_str();
    let rotate = [
        "rotate",
        "org",
        "--org",
        org,
        "--throttle",
        "2",
        "--re-encrypt",
    ];
    let rotating = Server::spawn(&rotate, &variables);
    let key = ["key=\"organization\""];
    let running = "strongroom_rotations_running";
    eventually("the rotation shows", LIMIT, async || {
        Scrape::of(&vault.admin.url).await.number(running, &key) == 1.0
    })
    .await;
    let metrics = Scrape::of(&vault.admin.url).await;
    let rows = [
        "strongroom_rotation_rows_done",
        "strongroom_rotation_rows_left",
    ];
    let rows = rows.map(|name| metrics.number(name, &key));
    assert_eq!(rows[0] + rows[1], 40.0, "{}", metrics.text);
    drop(rotating);
}
