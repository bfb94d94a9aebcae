//! Limits: per key, per organization, and on failed authentications per address.

use reqwest::{Method, Response};
use strongroom_e2e::{Api, CREDENTIALS, OwnCluster, TestVault, api_key, eventually, failure};

const PIECES: &str = "/external_provider/api_key/create";

/// Three per key, five per organization, and none comes back while a test runs.
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
    // What was refused to the key counts not for the organization, which has two left.
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
    // What needs no key has no limit.
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        let answer = vault.admin.get(path).await;
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "ratelimit")),
            (200, "")
        );
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
    assert_eq!(
        (
            header(&answer, "ratelimit"),
            header(&answer, "ratelimit-policy")
        ),
        ("", "")
    );
    let answers: Vec<_> = (0..200)
        .map(|_| vault.admin.bare(Method::GET, CREDENTIALS).send())
        .collect();
    for answer in futures_util::future::join_all(answers).await {
        assert_eq!(answer.unwrap().status(), 401);
    }
}

/// Five failures, and none is forgotten while a test runs.
const STRICT: [(&str, &str); 3] = [
    ("STRONGROOM_FAILED_AUTH_RATE", "1/h"),
    ("STRONGROOM_FAILED_AUTH_BURST", "5"),
    ("STRONGROOM_TRUSTED_PROXIES", "127.0.0.1"),
];

/// A well-formed key that this vault has never issued.
async fn made_up(vault: &TestVault) -> Api {
    let elsewhere = TestVault::start().await;
    let mut caller = vault.admin.clone();
    (caller.org, caller.key) = (elsewhere.admin.org.clone(), elsewhere.admin.key.clone());
    caller
}

async fn from(api: &Api, address: &str) -> Response {
    let request = api.request(Method::GET, CREDENTIALS);
    let request = request.header("X-Forwarded-For", address);
    request.send().await.unwrap()
}

#[tokio::test]
async fn an_address_that_tries_keys_is_held_off_and_its_neighbors_are_not() {
    let vault = TestVault::start_with(&STRICT).await;
    let stranger = made_up(&vault).await;
    for _ in 0..6 {
        assert_eq!(from(&stranger, "198.51.100.1").await.status(), 401);
    }
    let answer = from(&stranger, "198.51.100.1").await;
    assert_eq!(
        header(&answer, "ratelimit-policy"),
        "\"authentication\";q=5;w=18000"
    );
    assert_eq!(
        header(&answer, "ratelimit"),
        "\"authentication\";r=0;t=18000"
    );
    refused(answer, "too_many_failures").await;
    assert_eq!(limited(&vault.admin, "authentication").await, 1.0);
    vault.server.wait_for_log("198.51.100.1");
    vault.server.wait_for_log("too many failed authentications");
    // Whatever else is no good key, from there; and neither surface is a way around.
    let mut wrong = vault.admin.clone();
    for key in ["", "nonsense", &vault.admin.key[1..]] {
        wrong.key = key.to_owned();
        refused(from(&wrong, "198.51.100.1").await, "too_many_failures").await;
    }
    let request = vault
        .admin
        .bare(Method::POST, PIECES)
        .header("X-Forwarded-For", "198.51.100.1");
    let answer = request
        .header("X-Application-ID", &stranger.key)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 429);
    // A good key that this server has never seen, also for the first time during the flood.
    assert_eq!(from(&vault.admin, "198.51.100.1").await.status(), 200);
    let (fresh, _) = vault.new_organization("fresh");
    assert_eq!(from(&fresh, "198.51.100.1").await.status(), 200);
    // A genuine key that is refused for another reason hears what all hear.
    let mut astray = vault.admin.clone();
    astray.org = fresh.org.clone();
    refused(from(&astray, "198.51.100.1").await, "too_many_failures").await;
    // Other addresses.
    assert_eq!(from(&stranger, "198.51.100.2").await.status(), 401);
}

#[tokio::test]
async fn ipv6_addresses_count_by_their_network() {
    let vault = TestVault::start_with(&STRICT).await;
    let stranger = made_up(&vault).await;
    for host in 1..=6 {
        let address = format!("2001:db8:1:2::{host}");
        assert_eq!(from(&stranger, &address).await.status(), 401);
    }
    assert_eq!(from(&stranger, "2001:db8:1:2:ffff::7").await.status(), 429);
    assert_eq!(from(&stranger, "2001:db8:1:3::7").await.status(), 401);
}

#[tokio::test]
async fn who_is_held_off_costs_the_database_nothing() {
    let mut cluster = OwnCluster::start().await;
    let vault = TestVault::start_on(cluster.database(), &STRICT).await;
    let stranger = made_up(&vault).await;
    for _ in 0..6 {
        assert_eq!(stranger.get(CREDENTIALS).await.status(), 401);
    }
    cluster.stop();
    // With the database away, whatever needs it is 503.
    refused(stranger.get(CREDENTIALS).await, "too_many_failures").await;
    eventually(
        "it is away",
        std::time::Duration::from_secs(15),
        async || vault.admin.get(CREDENTIALS).await.status() == 503,
    )
    .await;
    refused(stranger.get(CREDENTIALS).await, "too_many_failures").await;
}

#[tokio::test]
async fn a_flood_of_wrong_keys_stops_no_good_one() {
    let vault = TestVault::start_with(&[("STRONGROOM_FAILED_AUTH_RATE", "60/m")]).await;
    let stranger = made_up(&vault).await;
    let id = vault.admin.create("kept").await;
    let flood: Vec<_> = (0..8)
        .map(|_| {
            let stranger = stranger.clone();
            tokio::spawn(async move {
                let mut held_off = 0;
                for _ in 0..150 {
                    match stranger.get(CREDENTIALS).await.status().as_u16() {
                        401 => {}
                        429 => held_off += 1,
                        other => panic!("{other}"),
                    }
                }
                held_off
            })
        })
        .collect();
    let (mut fresh, _) = vault.new_organization("fresh");
    fresh = fresh.at(&vault.admin.url);
    for _ in 0..50 {
        assert_eq!(vault.admin.secret(&id).await["api_key"], "kept");
        assert_eq!(fresh.get(CREDENTIALS).await.status(), 200);
    }
    let mut held_off = 0;
    for task in flood {
        held_off += task.await.unwrap();
    }
    assert!(held_off > 600, "{held_off} of 1200 were held off");
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
