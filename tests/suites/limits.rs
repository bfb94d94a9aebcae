//! Rate limits per key and per organization, and the addresses of callers behind proxies.

mod failures;

use reqwest::{Method, Response};
use strongroom_e2e::{Api, CREDENTIALS, TestVault, api_key, failure};

const PIECES: &str = "/external_provider/api_key/create";

/// Three requests per key and five per organization, which are not refilled during a test.
const FEW: [(&str, &str); 4] = [
    ("STRONGROOM_KEY_RATE", "1/h"),
    ("STRONGROOM_KEY_BURST", "3"),
    ("STRONGROOM_ORG_RATE", "1/h"),
    ("STRONGROOM_ORG_BURST", "5"),
];

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

async fn refused(answer: Response, code: &str) {
    let retry: u32 = header(&answer, "retry-after").parse().unwrap();
    assert!((1..=3600).contains(&retry), "{retry}");
    assert_eq!(failure(answer, 429).await.errors[0].1, code);
}

async fn limited(api: &Api, limit: &str) -> f64 {
    let name = format!("strongroom_rate_limited_total{{limit=\"{limit}\"}}");
    api.metric(&name).await.unwrap()
}

#[tokio::test]
async fn a_key_and_an_organization_may_ask_so_much() {
    let vault = TestVault::start_with(&FEW).await;
    let (other, _) = vault.new_organization("other");
    for left in [2, 1, 0] {
        let answer = vault.admin.get(CREDENTIALS).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(
            header(&answer, "ratelimit-policy"),
            "\"key\";q=3;w=10800, \"organization\";q=5;w=18000"
        );
        let (t, all) = ((3 - left) * 3600, left + 2);
        let expected = format!("\"key\";r={left};t={t}, \"organization\";r={all};t={t}");
        assert_eq!(header(&answer, "ratelimit"), expected);
    }
    let answer = vault.admin.post(&api_key("x")).await;
    assert_eq!(header(&answer, "ratelimit"), "\"key\";r=0;t=10800");
    let retry: u32 = header(&answer, "retry-after").parse().unwrap();
    assert!((3500..=3600).contains(&retry), "{retry}");
    refused(answer, "rate_limited").await;
    // The key's refused request does not count for the organization, which has two left.
    for _ in 0..2 {
        assert_eq!(vault.member.get(CREDENTIALS).await.status(), 200);
    }
    let answer = vault.member.get(CREDENTIALS).await;
    assert!(header(&answer, "ratelimit").contains("\"organization\";r=0;t=18000"));
    refused(answer, "rate_limited").await;
    assert_eq!(other.get(CREDENTIALS).await.status(), 200);
    assert_eq!(limited(&other, "key").await, 1.0);
    assert_eq!(limited(&other, "organization").await, 1.0);
    vault.server.wait_for_log("the rate limit is reached");
    // Requests without authentication have no limit.
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        let answer = vault.admin.get(path).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(header(&answer, "ratelimit"), "");
    }
}

#[tokio::test]
async fn the_other_surface_says_it_in_plain_text() {
    let vault = TestVault::start_with(&FEW).await;
    let create = async || {
        let request = vault.admin.bare(Method::POST, PIECES);
        let body = serde_json::json!({"user": "ann", "open_AI": {"api_key": "sk-1"}});
        let request = request.header("X-Application-ID", &vault.admin.key);
        request.json(&body).send().await.unwrap()
    };
    for _ in 0..3 {
        let answer = create().await;
        assert_eq!(answer.status(), 200);
        assert!(header(&answer, "ratelimit").starts_with("\"key\";r="));
    }
    let answer = create().await;
    assert_eq!(answer.status(), 429);
    assert!(header(&answer, "retry-after").parse::<u32>().unwrap() >= 1);
    assert!(header(&answer, "content-type").starts_with("text/plain"));
    let said = "too many requests: the limit of this key is reached; nothing was done";
    assert_eq!(answer.text().await.unwrap(), said);
}

#[tokio::test]
async fn strangers_use_up_nobody_elses_limit() {
    let mut vault = TestVault::start_with(&FEW).await;
    let org = vault.admin.org.clone();
    let mut variables = FEW.to_vec();
    variables.push(("STRONGROOM_ANONYMOUS_ORG", &org));
    vault.replace_server(&variables).await;
    let mut stranger = vault.admin.clone();
    stranger.key = vault.new_organization("elsewhere").0.key;
    for _ in 0..10 {
        assert_eq!(stranger.get(CREDENTIALS).await.status(), 401);
    }
    let anonymous = async || {
        let request = vault.admin.bare(Method::POST, PIECES);
        let request = request.json(&serde_json::json!({"user": "ann"}));
        request.send().await.unwrap().status().as_u16()
    };
    for expected in [200, 200, 200, 429, 429, 429] {
        assert_eq!(anonymous().await, expected);
    }
    let answer = vault.admin.get(CREDENTIALS).await;
    assert!(header(&answer, "ratelimit").starts_with("\"key\";r=2;t=3600, \"organization\";r=4;"));
}

#[tokio::test]
async fn limits_can_be_switched_off_and_are_high_by_default() {
    let mut vault = TestVault::start().await;
    let answer = vault.admin.get(CREDENTIALS).await;
    assert_eq!(
        header(&answer, "ratelimit-policy"),
        "\"key\";q=100000;w=1, \"organization\";q=200000;w=1"
    );
    let off = [
        ("STRONGROOM_KEY_RATE", "off"),
        ("STRONGROOM_ORG_RATE", "off"),
        ("STRONGROOM_FAILED_AUTH_RATE", "off"),
    ];
    vault.replace_server(&off).await;
    let answer = vault.admin.get(CREDENTIALS).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "ratelimit"), "");
    assert_eq!(header(&answer, "ratelimit-policy"), "");
    let answers: Vec<_> = (0..200)
        .map(|_| vault.admin.bare(Method::GET, CREDENTIALS).send())
        .collect();
    for answer in futures_util::future::join_all(answers).await {
        assert_eq!(answer.unwrap().status(), 401);
    }
}

/// A list from a caller behind a proxy, which names the caller's address.
async fn from(api: &Api, address: &str) -> Response {
    let request = api.request(Method::GET, CREDENTIALS);
    let request = request.header("X-Forwarded-For", address);
    request.send().await.unwrap()
}

#[tokio::test]
async fn the_trail_and_the_log_name_the_caller_behind_a_trusted_proxy_only() {
    let mut vault = TestVault::start().await;
    let sources = async |vault: &TestVault| {
        let answer = vault
            .admin
            .get("/organizations/config/audit-events?limit=5")
            .await;
        answer.text().await.unwrap()
    };
    assert_eq!(from(&vault.admin, "198.51.100.77").await.status(), 200);
    assert!(!sources(&vault).await.contains("198.51.100.77"));
    let trusting = [("STRONGROOM_TRUSTED_PROXIES", "127.0.0.0/8 10.0.0.0/8")];
    vault.replace_server(&trusting).await;
    let answer = from(&vault.admin, "192.0.2.66, 198.51.100.78, 10.1.1.1").await;
    assert_eq!(answer.status(), 200);
    let trail = sources(&vault).await;
    assert!(
        trail.contains("198.51.100.78") && !trail.contains("192.0.2.66"),
        "{trail}"
    );
    vault.server.wait_for_log("\"peer\":\"198.51.100.78\"");
}
