//! API keys: shown once, and refused after revocation or expiry.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, Scrape, Server, TestVault, eventually};

fn members(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn issue(vault: &TestVault, more: &[&str]) -> Value {
    let org = vault.admin.org.as_str();
    let args = [
        "key", "create", "--org", org, "--role", "admin", "--name", "n", "--json",
    ];
    vault.run(&[&args[..], more].concat()).json()
}

fn api(vault: &TestVault, issued: &Value) -> Api {
    Api::new(
        &vault.admin.url,
        &vault.admin.org,
        issued["api_key"].as_str().unwrap(),
    )
}

async fn status(api: &Api) -> u16 {
    api.get(CREDENTIALS).await.status().as_u16()
}

/// The members of a created key as JSON.
const KEY_MEMBERS: [&str; 9] = [
    "api_key",
    "created_at",
    "ends_at",
    "expires_at",
    "key_id",
    "name",
    "org_id",
    "revoked_at",
    "role",
];

fn creates_and_lists_organizations(vault: &TestVault) {
    let org = vault.run(&["org", "create", "--name", "Ünï", "--json"]);
    let org = org.json();
    assert_eq!(members(&org), ["created_at", "name", "org_id"]);
    assert_eq!(org["name"], "Ünï");
    let listed = vault.run(&["org", "list", "--json"]).json();
    let listed = listed.as_array().unwrap();
    let names: Vec<_> = listed.iter().map(|org| &org["name"]).collect();
    assert_eq!(names, ["test", "Ünï"]);
    vault.run(&["org", "list"]).assert_prints("CREATED");
}

fn creates_a_key(vault: &TestVault) -> Value {
    let issued = issue(vault, &["--expires", "2999-01-31"]);
    assert_eq!(members(&issued), KEY_MEMBERS);
    assert!(issued["api_key"].as_str().unwrap().starts_with("sr_admin_"));
    assert_eq!(issued["expires_at"], "2999-01-31T00:00:00Z");
    assert_eq!(issued["revoked_at"], Value::Null);
    issued
}

fn lists_keys_without_secrets(vault: &TestVault, issued: &Value) {
    let org = &vault.admin.org;
    let listed = vault.keys(org);
    assert_eq!(listed.len(), 3);
    let mut shown = members(&listed[2]);
    shown.retain(|name| !["last_used_at", "state"].contains(name));
    assert_eq!(shown, KEY_MEMBERS[1..], "a key is shown a second time");
    assert_eq!(listed[2]["key_id"], issued["key_id"]);
    let text = vault.run(&["key", "list", "--org", org]);
    text.assert_prints("CREATED");
}

fn revokes_a_key_once(vault: &TestVault, id: &str) {
    let org = &vault.admin.org;
    let revoke = ["key", "revoke", "--org", org, "--key", id, "--json"];
    let expected = json!({"key_id": id, "org_id": org, "revoked": true});
    assert_eq!(vault.run(&revoke).json(), expected);
    let first = vault.keys(org)[2]["revoked_at"].clone();
    assert!(first.is_string());
    vault.run(&revoke).assert_success();
    let second = &vault.keys(org)[2]["revoked_at"];
    assert_eq!(first, *second, "a second revocation changes the time");
}

#[tokio::test]
async fn commands_answer_json() {
    let vault = TestVault::start().await;
    creates_and_lists_organizations(&vault);
    let issued = creates_a_key(&vault);
    lists_keys_without_secrets(&vault, &issued);
    revokes_a_key_once(&vault, issued["key_id"].as_str().unwrap());
}

/// Wrong commands, each with a text of its error. `MINE` stands for an organization's id, `UNKNOWN`
/// for an unknown id, and `FOREIGN` for the id of another organization's key.
const WRONG_COMMANDS: [(&str, &str); 10] = [
    ("key create --org UNKNOWN --role admin --name n", "UNKNOWN"),
    ("key create --org x --role admin --name n", "--org"),
    ("key create --org MINE --role owner --name n", "--role"),
    (
        "key create --org MINE --role admin --name n --expires 2020-01-01",
        "--expires",
    ),
    (
        "key create --org MINE --role admin --name n --expires soon",
        "--expires",
    ),
    ("key list --org UNKNOWN", "UNKNOWN"),
    ("key revoke --org MINE --key UNKNOWN", "UNKNOWN"),
    ("key revoke --org MINE --key FOREIGN", "FOREIGN"),
    ("key revoke --org MINE --key x", "--key"),
    ("org create --name LONG", "--name"),
];

fn is_refused_with(vault: &TestVault, args: &[&str], reason: &str) {
    let finished = vault.run(args);
    finished.assert_refused(reason);
    assert_eq!(finished.stdout, "", "{args:?}");
}

#[tokio::test]
async fn commands_say_what_is_wrong() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let keys = vault.keys(&other.org);
    let (org, long) = (&vault.admin.org, "x".repeat(257));
    let words = |text: &str| {
        text.replace("MINE", org)
            .replace("UNKNOWN", "0190a1b2-0000-7000-8000-0123456789ab")
            .replace("FOREIGN", keys[0]["key_id"].as_str().unwrap())
            .replace("LONG", &long)
    };
    for (command, reason) in WRONG_COMMANDS {
        let command = words(command);
        let args: Vec<&str> = command.split(' ').collect();
        is_refused_with(&vault, &args, &words(reason));
    }
    let create = ["key", "create", "--org", org, "--role", "admin", "--name"];
    for name in ["", "a\nb"] {
        is_refused_with(&vault, &[&create[..], &[name]].concat(), "--name");
    }
    assert_eq!(status(&other).await, 200);
    let orgs = vault.run(&["org", "list", "--json"]).json();
    assert_eq!(orgs.as_array().unwrap().len(), 2);
}

async fn two_servers() -> (TestVault, Server) {
    let vault = TestVault::start().await;
    let second = vault.start_server(&[]);
    vault.ready(&second.url()).await;
    (vault, second)
}

async fn ends(callers: &[Api], what: &str, limit: Duration) {
    let since = Instant::now();
    for caller in callers {
        let left = limit.saturating_sub(since.elapsed());
        eventually(what, left, async || status(caller).await == 401).await;
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_on_every_server_within_a_second() {
    let (vault, second) = two_servers().await;
    for _ in 0..3 {
        let issued = issue(&vault, &[]);
        let caller = api(&vault, &issued);
        let callers = [caller.clone(), caller.at(&second.url())];
        for caller in &callers {
            assert_eq!(status(caller).await, 200);
        }
        vault.revoke(&vault.admin.org, issued["key_id"].as_str().unwrap());
        ends(&callers, "revoked", Duration::from_secs(1)).await;
    }
    assert_eq!(status(&vault.admin).await, 200);
}

#[tokio::test]
async fn a_revocation_without_a_notice_counts_once_the_cache_has_expired() {
    let (vault, second) = two_servers().await;
    let issued = issue(&vault, &[]);
    let caller = api(&vault, &issued);
    let callers = [caller.clone(), caller.at(&second.url())];
    for caller in &callers {
        assert_eq!(status(caller).await, 200);
    }
    let client = vault.database.connect().await;
    let id: uuid::Uuid = issued["key_id"].as_str().unwrap().parse().unwrap();
    let revoke = "update api_keys set revoked_at = now() where key_id = $1";
    assert_eq!(client.execute(revoke, &[&id]).await.unwrap(), 1);
    let limit = Duration::from_millis(5500);
    ends(&callers, "revoked without a notice", limit).await;
}

#[tokio::test]
async fn a_server_that_lost_its_notices_hears_of_revocations_again() {
    let vault = TestVault::start().await;
    let client = vault.database.connect().await;
    let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
         where datname = current_database() and query = 'listen strongroom_keys'";
    let issued = issue(&vault, &[]);
    let caller = api(&vault, &issued);
    assert_eq!(status(&caller).await, 200);
    let cut_one = async || client.query_one(cut, &[]).await.unwrap().get::<_, i64>(0) == 1;
    eventually("the server listens", Duration::from_secs(5), cut_one).await;
    vault.revoke(&vault.admin.org, issued["key_id"].as_str().unwrap());
    let cut_and_ask = async || {
        cut_one().await;
        status(&caller).await == 401
    };
    eventually("revoked", Duration::from_millis(5500), cut_and_ask).await;
    let listening = cut.replace("pg_terminate_backend(pid)", "*");
    let limit = Duration::from_secs(5);
    eventually("the server listens again", limit, async || {
        let listening = client.query_one(&listening, &[]).await.unwrap();
        listening.get::<_, i64>(0) == 1
    })
    .await;
    let issued = issue(&vault, &[]);
    let caller = api(&vault, &issued);
    assert_eq!(status(&caller).await, 200);
    vault.revoke(&vault.admin.org, issued["key_id"].as_str().unwrap());
    ends(&[caller], "revoked", Duration::from_secs(1)).await;
}

#[tokio::test]
async fn an_expired_key_is_refused() {
    let vault = TestVault::start().await;
    let caller = api(&vault, &issue(&vault, &["--expires", "2s"]));
    assert_eq!(status(&caller).await, 200);
    eventually("expired", Duration::from_secs(4), async || {
        status(&caller).await == 401
    })
    .await;
}

#[tokio::test]
async fn a_new_key_works_at_once_on_every_server() {
    let vault = TestVault::start().await;
    let other = vault.start_server(&[]);
    vault.ready(&other.url()).await;
    let caller = api(&vault, &issue(&vault, &[]));
    assert_eq!(status(&caller).await, 200);
    assert_eq!(status(&caller.at(&other.url())).await, 200);
}

async fn lookups(vault: &TestVault) -> f64 {
    let metrics = Scrape::of(&vault.admin.url).await;
    metrics.number("strongroom_batch_size_sum", &["queue=\"api_keys\""])
}

/// Otherwise, the time of the answer would tell whether an id was issued.
#[tokio::test]
async fn wrong_secrets_are_looked_up_like_unknown_ids() {
    let vault = TestVault::start_with(&[]).await;
    let org = &vault.admin.org;
    let known = vault.new_key(org, "member");
    known.list().await;
    let spoil = format!(
        "update api_keys set digest = decode(repeat('00', 32), 'hex') where org_id = '{org}' \
         and name = 'member'"
    );
    let database = vault.database.connect().await;
    database.execute(&spoil, &[]).await.unwrap();
    let other = TestVault::start_with(&[]).await;
    let unknown = other.member.at(&vault.admin.url);
    // The changed row is noticed within a second.
    eventually("the key is refused", Duration::from_secs(10), async || {
        known.get(CREDENTIALS).await.status() == 401
    })
    .await;
    for stranger in [&known, &unknown] {
        let before = lookups(&vault).await;
        for _ in 0..4 {
            assert_eq!(stranger.get(CREDENTIALS).await.status(), 401);
        }
        assert_eq!(lookups(&vault).await - before, 4.0);
    }
}
