//! API keys: issued once, and over when they are revoked or expired.

use std::time::{Duration, Instant};

use serde_json::Value;
use strongroom_e2e::{Api, CREDENTIALS, Server, TestVault, eventually};

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

#[tokio::test]
async fn commands_answer_json() {
    let vault = TestVault::start().await;
    let org = vault
        .run(&["org", "create", "--name", "Ünï", "--json"])
        .json();
    assert_eq!(members(&org), ["created_at", "name", "org_id"]);
    assert_eq!(org["name"], "Ünï");
    let listed = vault.run(&["org", "list", "--json"]).json();
    let names: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|org| org["name"].clone())
        .collect();
    assert_eq!(names, ["test", "Ünï"]);

    let issued = issue(&vault, &["--expires", "2999-01-31"]);
    let all = [
        "api_key",
        "created_at",
        "expires_at",
        "key_id",
        "name",
        "org_id",
        "revoked_at",
        "role",
    ];
    assert_eq!(members(&issued), all);
    assert!(issued["api_key"].as_str().unwrap().starts_with("sr_admin_"));
    assert_eq!(issued["expires_at"], "2999-01-31T00:00:00Z");
    assert_eq!(issued["revoked_at"], Value::Null);

    let (org, id) = (vault.admin.org.as_str(), issued["key_id"].as_str().unwrap());
    let listed = vault.run(&["key", "list", "--org", org, "--json"]).json();
    assert_eq!(listed.as_array().unwrap().len(), 3);
    let mut shown = members(&listed[2]);
    shown.retain(|name| *name != "last_used_at");
    assert_eq!(shown, all[1..], "a key is shown a second time");
    assert_eq!(listed[2]["key_id"], id);

    let revoke = ["key", "revoke", "--org", org, "--key", id, "--json"];
    let revoked = vault.run(&revoke).json();
    assert_eq!(
        revoked,
        serde_json::json!({"key_id": id, "org_id": org, "revoked": true})
    );
    let at = |listed: Value| listed[2]["revoked_at"].as_str().unwrap().to_owned();
    let first = at(vault.run(&["key", "list", "--org", org, "--json"]).json());
    assert!(vault.run(&revoke).success);
    let second = at(vault.run(&["key", "list", "--org", org, "--json"]).json());
    assert_eq!(first, second, "the first revocation is the one that counts");
    for text in ["org", "key"] {
        let args: &[&str] = if text == "org" {
            &["org", "list"]
        } else {
            &["key", "list", "--org", org]
        };
        let shown = vault.run(args);
        assert!(
            shown.success && shown.stdout.contains("CREATED"),
            "{}",
            shown.stdout
        );
    }
}

#[tokio::test]
async fn commands_say_what_is_wrong() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let listed = vault
        .run(&["key", "list", "--org", &other.org, "--json"])
        .json();
    let foreign = listed[0]["key_id"].as_str().unwrap();
    let org = vault.admin.org.as_str();
    let nobody = "0190a1b2-0000-7000-8000-0123456789ab";
    let create = |org, role, name| {
        [
            "key", "create", "--org", org, "--role", role, "--name", name,
        ]
        .to_vec()
    };
    let long = "x".repeat(257);
    let past = ["--expires", "2020-01-01"];
    let cases: [(Vec<&str>, &str); 12] = [
        (create(nobody, "admin", "n"), nobody),
        (create("x", "admin", "n"), "--org"),
        (create(org, "owner", "n"), "--role"),
        (create(org, "admin", ""), "--name"),
        (create(org, "admin", "a\nb"), "--name"),
        (
            [create(org, "admin", "n"), past.to_vec()].concat(),
            "--expires",
        ),
        (
            [create(org, "admin", "n"), vec!["--expires", "soon"]].concat(),
            "--expires",
        ),
        (vec!["key", "list", "--org", nobody], nobody),
        (vec!["key", "revoke", "--org", org, "--key", nobody], nobody),
        (
            vec!["key", "revoke", "--org", org, "--key", foreign],
            foreign,
        ),
        (vec!["key", "revoke", "--org", org, "--key", "x"], "--key"),
        (vec!["org", "create", "--name", &long], "--name"),
    ];
    for (args, named) in cases {
        let finished = vault.run(&args);
        assert!(!finished.success, "{args:?}: {}", finished.stdout);
        assert!(
            finished.stderr.contains(named),
            "{args:?}: {}",
            finished.stderr
        );
        assert_eq!(finished.stdout, "", "{args:?}");
    }
    assert_eq!(status(&other).await, 200);
    assert_eq!(
        vault
            .run(&["org", "list", "--json"])
            .json()
            .as_array()
            .unwrap()
            .len(),
        2
    );
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
        let key = issued["key_id"].as_str().unwrap();
        let revoked = vault.run(&["key", "revoke", "--org", &vault.admin.org, "--key", key]);
        assert!(revoked.success);
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
    ends(&callers, "revoked unheard", Duration::from_millis(5500)).await;
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
    eventually("somebody listens", Duration::from_secs(5), cut_one).await;
    let key = issued["key_id"].as_str().unwrap();
    let revoked = vault.run(&["key", "revoke", "--org", &vault.admin.org, "--key", key]);
    assert!(revoked.success);
    let cut_and_ask = async || {
        cut_one().await;
        status(&caller).await == 401
    };
    eventually("revoked", Duration::from_millis(5500), cut_and_ask).await;
    eventually("it listens again", Duration::from_secs(5), async || {
        let listening = cut.replace("pg_terminate_backend(pid)", "*");
        client
            .query_one(&listening, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            == 1
    })
    .await;
    let issued = issue(&vault, &[]);
    let caller = api(&vault, &issued);
    assert_eq!(status(&caller).await, 200);
    let key = issued["key_id"].as_str().unwrap();
    let revoked = vault.run(&["key", "revoke", "--org", &vault.admin.org, "--key", key]);
    assert!(revoked.success);
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
