//! The management of clients.

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, TestVault, failure};

use super::support::{CLIENTS, Client, events, members, new_client, result, send};

const MEMBERS: [&str; 10] = [
    "access_token_duration",
    "client_id",
    "client_name",
    "created_at",
    "grant_types",
    "key_id",
    "organizations",
    "public",
    "response_types",
    "scopes",
];

async fn shown(api: &Api, client: &Client) -> Value {
    result(api.get(&client.path()).await, 200).await
}

/// Members that make a client wrong, and the field and code of the error.
const WRONG_CLIENTS: [(&str, &str, &str); 17] = [
    (r#"{"client_name":""}"#, "client_name", "empty"),
    (r#"{"client_name":7}"#, "client_name", "wrong_type"),
    (r#"{"client_name":null}"#, "client_name", "wrong_type"),
    (r#"{"scopes":[]}"#, "scopes", "empty"),
    (r#"{"scopes":"credentials:list"}"#, "scopes", "wrong_type"),
    (r#"{"scopes":["all"]}"#, "scopes", "invalid_value"),
    (r#"{"grant_types":[]}"#, "grant_types", "invalid_value"),
    (
        r#"{"grant_types":["password"]}"#,
        "grant_types",
        "invalid_value",
    ),
    (r#"{"grant_types":"x"}"#, "grant_types", "wrong_type"),
    (r#"{"public":true}"#, "public", "invalid_value"),
    (
        r#"{"redirect_uris":["https://x"]}"#,
        "redirect_uris",
        "invalid_value",
    ),
    (
        r#"{"refresh_token_duration":9}"#,
        "refresh_token_duration",
        "invalid_value",
    ),
    (
        r#"{"access_token_duration":0}"#,
        "access_token_duration",
        "out_of_range",
    ),
    (
        r#"{"access_token_duration":2592001}"#,
        "access_token_duration",
        "out_of_range",
    ),
    (
        r#"{"access_token_duration":1.5}"#,
        "access_token_duration",
        "wrong_type",
    ),
    (
        r#"{"organizations":"all"}"#,
        "organizations",
        "invalid_value",
    ),
    (r#"{"extra":1}"#, "extra", "unknown_field"),
];

fn merged(body: &Value, change: &Value) -> Value {
    let mut body = body.clone();
    let members = body.as_object_mut().unwrap();
    members.extend(change.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn a_client_is_created_read_changed_and_deleted() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let body = new_client(&["credentials:reveal", "credentials:list"]);
    let created = result(send(api, Method::POST, CLIENTS, &body).await, 201).await;
    let mut expected = MEMBERS.to_vec();
    expected.insert(3, "client_secret");
    assert_eq!(members(&created), expected);
    assert!(created["client_id"].as_str().unwrap().starts_with("src_"));
    assert!(
        created["client_secret"]
            .as_str()
            .unwrap()
            .starts_with("srs_")
    );
    assert_eq!(created["access_token_duration"], 86400);
    assert_eq!(
        created["scopes"],
        json!(["credentials:list", "credentials:reveal"])
    );
    assert_eq!(created["organizations"], "own");
    let path = format!("{CLIENTS}/{}", created["client_id"].as_str().unwrap());
    // Reading requires any valid key, and shows no secret.
    for caller in [api, &vault.member] {
        let listed = result(caller.get(CLIENTS).await, 200).await;
        let one = result(caller.get(&path).await, 200).await;
        assert_eq!(members(&one), MEMBERS);
        assert_eq!(listed, json!([one]));
    }
    let change = json!({"client_name": "other", "scopes": ["audit:read"],
        "access_token_duration": 60});
    let changed = result(send(api, Method::PATCH, &path, &change).await, 200).await;
    assert_eq!(changed["client_name"], "other");
    assert_eq!(changed["scopes"], json!(["audit:read"]));
    assert_eq!(changed["access_token_duration"], 60);
    // What a GET answered can be sent back.
    let again = result(send(api, Method::PATCH, &path, &changed).await, 200).await;
    assert_eq!(again, changed);
    let delete = api.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(delete.status(), 204);
    assert_eq!(result(api.get(CLIENTS).await, 200).await, json!([]));
    for method in [Method::GET, Method::DELETE] {
        let gone = api.request(method, &path).send().await.unwrap();
        assert_eq!(failure(gone, 404).await.errors[0].1, "not_found");
    }
    for action in ["create", "update", "delete"] {
        let found = events(&vault, &format!("oauth_client.{action}")).await;
        assert_eq!(found[0]["key_id"], created["key_id"], "{action}");
    }
}

#[tokio::test]
async fn wrong_bodies_are_refused_by_field() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let client = Client::create(api, &["credentials:list"]).await;
    let good = new_client(&["credentials:list"]);
    for (change, field, code) in WRONG_CLIENTS {
        let change: Value = serde_json::from_str(change).unwrap();
        let create = send(api, Method::POST, CLIENTS, &merged(&good, &change)).await;
        let refused = failure(create, 400).await;
        assert_eq!(refused.errors[0].1, code, "{change}");
        assert_eq!(refused.errors[0].0, field, "{change}");
        // The organizations of a client do not change, and are ignored in a change.
        if field != "organizations" {
            let patch = send(api, Method::PATCH, &client.path(), &merged(&good, &change)).await;
            assert_eq!(failure(patch, 400).await.errors[0].1, code, "{change}");
        }
    }
    for body in ["{}", r#"{"public":false}"#] {
        let patch = api.send(Method::PATCH, &client.path(), body).await;
        assert_eq!(failure(patch, 400).await.errors[0].1, "required", "{body}");
    }
    let other = json!({"client_id": "src_x", "client_name": "n"});
    let patch = send(api, Method::PATCH, &client.path(), &other).await;
    assert_eq!(failure(patch, 400).await.errors[0].1, "immutable");
    assert_eq!(shown(api, &client).await["client_name"], "backend");
}

#[tokio::test]
async fn another_organizations_clients_do_not_exist() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let client = Client::create(&vault.admin, &["credentials:list"]).await;
    assert_eq!(result(other.get(CLIENTS).await, 200).await, json!([]));
    let secret = format!("{}/secret", client.path());
    let name = json!({"client_name": "n"}).to_string();
    for path in [
        client.path(),
        format!("{CLIENTS}/src_x"),
        format!("{CLIENTS}/x"),
    ] {
        failure(other.get(&path).await, 404).await;
        failure(other.send(Method::PATCH, &path, name.clone()).await, 404).await;
        let delete = other.request(Method::DELETE, &path).send().await.unwrap();
        failure(delete, 404).await;
    }
    failure(
        other.request(Method::PUT, &secret).send().await.unwrap(),
        404,
    )
    .await;
    assert_eq!(client.status().await, 200);
}

#[tokio::test]
async fn nobody_grants_more_than_he_holds() {
    let vault = TestVault::start().await;
    let held = ["keys:manage", "credentials:list"];
    let manager = Client::create(&vault.admin, &held).await;
    let wider = Client::create(&vault.admin, &["credentials:list", "credentials:reveal"]).await;
    let by = async |method: Method, path: &str, body: &Value| {
        let request = manager.basic(method, path).json(body);
        request.send().await.unwrap()
    };
    let created = by(Method::POST, CLIENTS, &new_client(&["credentials:list"])).await;
    let narrow = result(created, 201).await;
    for scope in ["credentials:reveal", "audit:read", "system:read"] {
        let answer = by(Method::POST, CLIENTS, &new_client(&[scope])).await;
        let refused = failure(answer, 403).await;
        assert!(refused.body.to_string().contains("scopes"), "{scope}");
        let path = format!("{CLIENTS}/{}", narrow["client_id"].as_str().unwrap());
        let change = json!({"scopes": [scope, "credentials:list"]});
        failure(by(Method::PATCH, &path, &change).await, 403).await;
    }
    let mut descendants = new_client(&["credentials:list"]);
    descendants["organizations"] = "descendants".into();
    failure(by(Method::POST, CLIENTS, &descendants).await, 403).await;
    // Who replaces a secret gets it, and may take scopes away, but not hand out others.
    let secret = format!("{}/secret", wider.path());
    failure(by(Method::PUT, &secret, &Value::Null).await, 403).await;
    let less = json!({"scopes": ["credentials:reveal"]});
    result(by(Method::PATCH, &wider.path(), &less).await, 200).await;
    let back = json!({"scopes": ["credentials:list", "credentials:reveal"]});
    result(by(Method::PATCH, &wider.path(), &back).await, 200).await;
    // Without keys:manage, nothing is changed.
    let member = &vault.member;
    failure(
        send(member, Method::POST, CLIENTS, &new_client(&held)).await,
        403,
    )
    .await;
    failure(send(member, Method::PATCH, &wider.path(), &less).await, 403).await;
}

#[tokio::test]
async fn an_ancestor_manages_the_clients_of_its_descendants() {
    let vault = TestVault::start().await;
    let root = vault.root();
    let child = root.new_suborganization("child").await;
    let sibling = root.new_suborganization("sibling").await;
    let client = Client::create(&child, &["credentials:list"]).await;
    let secret = format!("{}/secret", client.path());
    // Neither an organization beside it, nor a key that acts in its own organization alone.
    for other in [&root.acting_in(&sibling.org), &sibling, &vault.admin] {
        for (method, path) in [
            (Method::GET, &client.path()),
            (Method::PATCH, &client.path()),
            (Method::PUT, &secret),
            (Method::DELETE, &client.path()),
        ] {
            let answer = send(other, method, path, &json!({"client_name": "c"})).await;
            failure(answer, 404).await;
        }
    }
    assert_eq!(shown(&root, &client).await["client_id"], json!(client.id));
    let renamed = json!({"client_name": "renamed"});
    let answer = send(&root, Method::PATCH, &client.path(), &renamed).await;
    assert_eq!(result(answer, 200).await["client_name"], "renamed");
    let answer = root.request(Method::PUT, &secret).send().await.unwrap();
    let replaced = result(answer, 200).await;
    let client = client.with_secret(replaced["client_secret"].as_str().unwrap());
    assert_eq!(client.status().await, 200);
    let answer = root.request(Method::DELETE, &client.path()).send().await;
    assert_eq!(answer.unwrap().status(), 204);
    failure(child.get(&client.path()).await, 404).await;
    // The events are in the trail of the client's organization.
    let path = "/organizations/config/audit-events?action=oauth_client.delete";
    let events = result(child.get(path).await, 200).await;
    assert_eq!(events[0]["details"]["home_organization"], json!(root.org));
}
