use std::fs;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::TestVault;

use super::user::{User, mode};

const LIMITS: &[&str] = &[
    "--permission",
    "credentials:list",
    "--permission",
    "credentials:reveal",
    "--network",
    "127.0.0.0/8",
    "--network",
    "::1",
    "--provider",
    "generic",
    "--type",
    "api_key",
    "--label-prefix",
    "shop/",
    "--descendants",
    "--expires",
    "2h",
];

fn without_ids(mut key: Value) -> Value {
    let members = key.as_object_mut().unwrap();
    for member in ["key_id", "created_at", "expires_at", "last_used_at"] {
        members.remove(member);
    }
    key
}

#[tokio::test]
async fn keys_with_limits_are_created_listed_and_revoked() {
    let vault = TestVault::start().await;
    let root = vault.root();
    let user = User::of(&root);
    let file = user.path("key");
    let create = [
        "key", "create", "--name", "limited", "--output", &file, "--json",
    ];
    let made = user.run(&[&create[..], LIMITS].concat());
    let limited = json!({
        "name": "limited", "permissions": ["credentials:list", "credentials:reveal"],
        "credentials": {"providers": ["generic"], "types": ["api_key"], "label_prefix": "shop/"},
        "networks": ["127.0.0.0/8", "::1/128"], "organizations": "descendants", "file": file,
    });
    assert_eq!(without_ids(made.json()), limited);
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(mode(Path::new(&file)), 0o600);
    assert!(!(made.stdout.clone() + &made.stderr).contains(text.trim()));
    let key = root.with_key(text.trim());
    assert!(key.list().await.is_empty());
    let id = made.json()["key_id"].as_str().unwrap().to_owned();
    let listed = user.run(&["key", "list", "--json"]).json();
    let listed = listed.as_array().unwrap().iter();
    let mut found = listed.filter(|one| one["key_id"] == id.as_str());
    assert!(found.next().unwrap()["expires_at"].is_string());
    user.run(&["key", "list"]).assert_prints("limited");
    // The operator's command makes the same key.
    let operators = [
        "key",
        "create",
        "--name",
        "operators",
        "--org",
        &root.org,
        "--json",
    ];
    vault
        .run(&[&operators[..], LIMITS].concat())
        .assert_success();
    let listed = user.run(&["key", "list", "--json"]).json();
    let last = listed.as_array().unwrap().last().unwrap().clone();
    let mut expected = limited.clone();
    expected["name"] = "operators".into();
    expected.as_object_mut().unwrap().remove("file");
    assert_eq!(without_ids(last), expected);
    let revoke = ["key", "revoke", "--key", &id];
    let later = user.run(&[&revoke[..], &["--in", "1h 30m", "--json"]].concat());
    assert_eq!(later.json()["ends_in"], "1h 30m");
    user.run(&["key", "list"]).assert_prints("until");
    user.run(&["key", "revoke", &id]).assert_prints(&id);
    assert_eq!(key.get("/organizations").await.status(), 401);
}

#[tokio::test]
async fn a_new_key_is_shown_once_and_in_the_organization_acted_in() {
    let vault = TestVault::start().await;
    let root = vault.root();
    let user = User::of(&root);
    let child = root.new_suborganization("child").await;
    let create = [
        "key", "create", "--name", "n", "--role", "reader", "--org", &child.org,
    ];
    let shown = user.run(&create);
    let text = shown.stdout.lines().next().unwrap();
    assert!(text.starts_with("sr_reader_"), "{}", shown.stdout);
    assert!(child.with_key(text).list().await.is_empty());
    let list = ["key", "list", "--org", &child.org, "--json"];
    let listed = user.run(&list);
    assert_eq!(listed.json().as_array().unwrap().len(), 2);
    assert!(!listed.stdout.contains(text));
    // A key grants no more than it holds.
    let member = User::of(&vault.member);
    member.run(&["key", "list"]).assert_refused("status 403");
    let reader = User::of(&child.with_key(text));
    let more = ["key", "create", "--name", "n", "--role", "admin"];
    reader.run(&more).assert_refused("status 403");
}

#[tokio::test]
async fn the_operator_schedules_the_end_of_a_key() {
    let vault = TestVault::start().await;
    let org = vault.admin.org.as_str();
    let key = vault.keys(org)[0]["key_id"].as_str().unwrap().to_owned();
    let revoke = ["key", "revoke", "--org", org, "--key", &key];
    for wrong in ["0s", "366d", "soon"] {
        let refused = vault.run(&[&revoke[..], &["--in", wrong]].concat());
        refused.assert_refused("--in must be");
        assert_eq!(refused.code, Some(2), "{wrong}");
    }
    vault
        .run(&[&revoke[..], &["--in", "24h"]].concat())
        .assert_success();
    assert!(vault.keys(org)[0]["ends_at"].is_string());
    assert_eq!(vault.admin.get("/organizations").await.status(), 200);
    let list = ["key", "list", "--org", org];
    let listed = vault.run(&list).stdout;
    assert!(listed.contains("valid until"), "{listed}");
    vault
        .run(&[&revoke[..], &["--in", "1s"]].concat())
        .assert_success();
    let limit = std::time::Duration::from_secs(10);
    strongroom_e2e::eventually("the key ends", limit, async || {
        vault.keys(org)[0]["state"] == "expired"
    })
    .await;
    let listed = vault.run(&list).stdout;
    assert!(listed.contains("expired"), "{listed}");
}

#[tokio::test]
async fn only_the_operator_grants_system_read() {
    let vault = TestVault::start().await;
    let org = vault.admin.org.as_str();
    let create = ["key", "create", "--org", org, "--name", "n", "--json"];
    let permissions = ["--permission", "keys:manage", "--permission", "system:read"];
    let made = vault.run(&[&create[..], &permissions].concat()).json();
    let holder = vault.admin.with_key(made["api_key"].as_str().unwrap());
    let keys = "/organizations/api-keys";
    let body = json!({"name": "n", "permissions": ["system:read"]});
    holder.call(Method::POST, keys, &body, 403).await;
    let client = json!({
        "client_name": "c", "grant_types": ["client_credentials"], "scopes": ["system:read"],
    });
    let clients = "/oauth2/clients";
    holder.call(Method::POST, clients, &client, 403).await;
    let body = json!({"name": "n", "permissions": ["keys:manage"]});
    holder.call(Method::POST, keys, &body, 201).await;
}

#[test]
fn a_key_has_a_role_or_permissions() {
    let user = User::new();
    let create = [
        "key",
        "create",
        "--name",
        "n",
        "--org",
        "01a20001-fbb5-7e6b-8a29-eec475269712",
    ];
    for more in [
        &[][..],
        &["--role", "owner"],
        &["--permission", "credentials:steal"],
        &["--role", "admin", "--permission", "credentials:list"],
        &["--role", "admin", "--network", "10.0.0.0/40"],
        &["--role", "admin", "--credential", "x"],
    ] {
        let refused = user.run(&[&create[..], more].concat());
        assert_eq!(refused.code, Some(2), "{more:?}: {}", refused.stderr);
    }
}
