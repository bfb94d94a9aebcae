//! API keys over HTTP: issue, limits, replacement and end.

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestApi, failure};

const API_KEYS: &str = "/organizations/api-keys";

async fn keys(api: &Api) -> Vec<Value> {
    let listed = api.call(Method::GET, API_KEYS, &Value::Null, 200).await;
    listed.as_array().unwrap().clone()
}

async fn refuse(api: &Api, body: Value, status: u16) -> strongroom_e2e::Failure {
    let request = api.request(Method::POST, API_KEYS).json(&body);
    failure(request.send().await.unwrap(), status).await
}

#[tokio::test]
async fn a_key_is_issued_listed_and_revoked() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let body = json!({"name": "billing", "role": "reader", "expires_at": "2999-01-01T00:00:00Z"});
    let made = api.call(Method::POST, API_KEYS, &body, 201).await;
    let key = made["api_key"].as_str().unwrap();
    assert!(key.starts_with("sr_reader_"), "{key}");
    assert_eq!(
        made["permissions"],
        json!(["credentials:list", "credentials:reveal"])
    );
    let listed = keys(api).await;
    let shown = listed.iter().find(|one| one["key_id"] == made["key_id"]);
    let shown = shown.unwrap();
    assert_eq!(shown["name"], "billing");
    assert_eq!(shown["expires_at"], "2999-01-01T00:00:00Z");
    assert!(shown.get("api_key").is_none(), "{shown}");
    let holder = api.with_key(key);
    let id = api.create("secret").await;
    assert_eq!(holder.secret(&id).await["api_key"], "secret");
    assert_eq!(holder.post(&json!({})).await.status(), 403);
    let path = format!("{API_KEYS}/{}", made["key_id"].as_str().unwrap());
    api.call(Method::DELETE, &path, &Value::Null, 204).await;
    api.call(Method::DELETE, &path, &Value::Null, 204).await;
    assert_eq!(holder.reveal(&id).await.status(), 401);
}

#[tokio::test]
async fn a_wrong_key_is_refused_with_every_error() {
    let vault = TestApi::start().await;
    let body = json!({
        "name": "", "role": "owner", "expires_at": "soon", "networks": ["10.0.0.0/33"],
        "credentials": {"providers": ["acme"], "ids": "x", "colour": 1},
        "organizations": "all", "extra": true,
    });
    let failed = refuse(&vault.admin, body, 400).await;
    let expected = [
        "name",
        "role",
        "expires_at",
        "networks[0]",
        "credentials.providers[0]",
        "credentials.ids",
        "credentials.colour",
        "organizations",
        "extra",
    ];
    assert_eq!(failed.fields(), expected);
    assert_eq!(keys(&vault.admin).await.len(), 2);
}

#[tokio::test]
async fn each_member_of_a_new_key_has_rules() {
    let vault = TestApi::start().await;
    for (body, field) in [
        (json!({"role": "admin"}), "name"),
        (json!({"name": "n"}), "role"),
        (
            json!({"name": "n", "role": "admin", "permissions": ["audit:read"]}),
            "permissions",
        ),
        (json!({"name": "n", "permissions": []}), "permissions"),
        (
            json!({"name": "n", "permissions": ["credentials:*"]}),
            "permissions[0]",
        ),
        (
            json!({"name": "n", "role": "reader", "credentials": {}}),
            "credentials",
        ),
        (
            json!({"name": "n", "role": "reader", "networks": []}),
            "networks",
        ),
        (
            json!({"name": "n", "role": "reader", "expires_at": "2020-01-01T00:00:00Z"}),
            "expires_at",
        ),
        (
            json!({"name": "n", "role": "auditor", "credentials": {"label_prefix": "x"}}),
            "credentials",
        ),
    ] {
        let failed = refuse(&vault.admin, body.clone(), 400).await;
        assert_eq!(failed.fields(), [field], "{body}");
    }
    assert_eq!(
        keys(&vault.admin).await.len(),
        2,
        "a refused request issued a key"
    );
}

#[tokio::test]
async fn nobody_grants_more_than_it_holds() {
    let vault = TestApi::start().await;
    let (holder, _) = vault
        .admin
        .issue(json!({
            "permissions": ["keys:manage", "credentials:list"],
            "networks": ["127.0.0.0/8", "10.0.0.0/8", "::/0", "172.16.0.0/12", "192.168.0.0/16"],
            "credentials": {"label_prefix": "shop/"},
            "expires_at": "2999-01-01T00:00:00Z",
        }))
        .await;
    let allowed = json!({
        "name": "n",
        "permissions": ["credentials:list"],
        "networks": ["10.1.0.0/16"],
        "credentials": {"label_prefix": "shop/1/", "providers": ["shopify"]},
        "expires_at": "2998-01-01T00:00:00Z",
    });
    holder.call(Method::POST, API_KEYS, &allowed, 201).await;
    for (member, value) in [
        (
            "permissions",
            json!(["credentials:list", "credentials:reveal"]),
        ),
        ("permissions", json!(["system:read"])),
        ("networks", json!(["11.0.0.0/8"])),
        ("networks", Value::Null),
        ("credentials", json!({"label_prefix": "shop"})),
        ("credentials", json!({"providers": ["shopify"]})),
        ("credentials", Value::Null),
        ("expires_at", json!("2999-01-02T00:00:00Z")),
        ("expires_at", Value::Null),
        ("organizations", json!("descendants")),
    ] {
        let mut body = allowed.clone();
        body[member] = value;
        let failed = refuse(&holder, body.clone(), 403).await;
        assert!(
            failed.message().contains(member),
            "{body}: {}",
            failed.message()
        );
    }
    let body = json!({"name": "n", "permissions": ["system:read"]});
    refuse(&vault.admin, body, 403).await;
    // Each refusal is in the audit trail.
    let denied = "/organizations/config/audit-events?action=request.denied";
    let denied = vault.admin.call(Method::GET, denied, &Value::Null, 200);
    assert_eq!(denied.await.as_array().unwrap().len(), 11);
}

#[tokio::test]
async fn a_key_is_accepted_from_its_networks_alone() {
    let vault = TestApi::start().await;
    let body = json!({"role": "reader", "networks": ["203.0.113.0/24", "2001:db8::1"]});
    let (holder, _) = vault.admin.issue(body).await;
    let answer = failure(holder.get(CREDENTIALS).await, 401).await;
    let unknown = vault.admin.with_key("x").get(CREDENTIALS).await;
    assert_eq!(answer.body, failure(unknown, 401).await.body);
    let everywhere = json!({"role": "reader", "networks": ["0.0.0.0/0", "::/0"]});
    let (holder, _) = vault.admin.issue(everywhere).await;
    assert_eq!(holder.get(CREDENTIALS).await.status(), 200);
}

#[tokio::test]
async fn a_key_replaces_itself() {
    let vault = TestApi::start().await;
    let (first, id) = vault.admin.issue(json!({"role": "admin"})).await;
    let made = first.call(Method::PUT, API_KEYS, &Value::Null, 200).await;
    assert_ne!(made["key_id"], json!(id));
    assert_eq!(made["role"], "admin");
    assert_eq!(first.get(CREDENTIALS).await.status(), 401);
    let second = vault.admin.with_key(made["api_key"].as_str().unwrap());
    assert_eq!(second.get(CREDENTIALS).await.status(), 200);
    assert_eq!(vault.admin.get(CREDENTIALS).await.status(), 200);
    // In another organization than its own, and without the permission.
    let root = vault.root();
    let child = root.new_suborganization("child").await;
    let answer = root.acting_in(&child.org).request(Method::PUT, API_KEYS);
    failure(answer.send().await.unwrap(), 403).await;
    let answer = vault.member.request(Method::PUT, API_KEYS).send().await;
    failure(answer.unwrap(), 403).await;
}

#[tokio::test]
async fn the_end_of_a_key_only_moves_nearer() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let (holder, id) = api.issue(json!({"role": "reader"})).await;
    let path = format!("{API_KEYS}/{id}");
    let end = async |overlap: &str| {
        let path = format!("{path}?in={overlap}");
        api.call(Method::DELETE, &path, &Value::Null, 204).await;
        let listed = keys(api).await;
        let key = listed.into_iter().find(|one| one["key_id"] == json!(id));
        key.unwrap()["ends_at"].as_str().unwrap().to_owned()
    };
    let day = end("24h").await;
    assert_eq!(holder.get(CREDENTIALS).await.status(), 200);
    let hour = end("1h").await;
    assert!(hour < day, "{hour} {day}");
    assert_eq!(end("48h").await, hour);
    assert_eq!(holder.get(CREDENTIALS).await.status(), 200);
    for wrong in ["0s", "1y", "", "-1h", "366d"] {
        let answer = api.request(Method::DELETE, &format!("{path}?in={wrong}"));
        let failed = failure(answer.send().await.unwrap(), 400).await;
        assert_eq!(failed.fields(), ["in"], "{wrong}");
    }
    let unknown = format!("{API_KEYS}/0190a1b2-0000-7000-8000-0123456789ab");
    for path in [unknown.clone(), format!("{unknown}?in=1h")] {
        let answer = api.request(Method::DELETE, &path).send().await.unwrap();
        failure(answer, 404).await;
    }
    end("1s").await;
    strongroom_e2e::eventually(
        "the key ends",
        std::time::Duration::from_secs(10),
        async || holder.get(CREDENTIALS).await.status() == 401,
    )
    .await;
}
