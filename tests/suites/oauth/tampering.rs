//! Whoever can write to the database makes no client or token permit more.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{TestVault, eventually};
use tokio_postgres::Client as Postgres;

use super::support::{CLIENTS, Client, result, send, status};

const NOTICED: Duration = Duration::from_secs(5);

async fn scene() -> (TestVault, Postgres, Client, String) {
    let vault = TestVault::start_unsharded().await;
    let client = Client::create(&vault.admin, &["credentials:list", "audit:read"]).await;
    let token = client.token().await;
    assert_eq!(status(&vault.admin, &token).await, 200);
    let database = vault.database.connect().await;
    (vault, database, client, token)
}

/// The codes of the problems that `strongroom verify` finds.
fn problems(vault: &TestVault) -> Vec<String> {
    let verified = vault.run(&["verify", "--json"]);
    let report: Value = serde_json::from_str(&verified.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let problems = findings.map(|one| one["problem"].as_str().unwrap().to_owned());
    problems.collect()
}

/// Edits of the client's row. The version is that of a row which a server could have written.
const EDITS: [&str; 6] = [
    "limits = replace(limits, 'audit:read', 'keys:manage')",
    "limits = replace(limits, 'own', 'descendants')",
    "limits = 'x'",
    "access_token_duration = 2592000",
    "digest = (select digest from oauth_clients where client_id <> c.client_id)",
    "name = 'x'",
];

#[tokio::test]
async fn an_edited_client_does_not_work() {
    let (vault, database, client, token) = scene().await;
    Client::create(&vault.admin, &["keys:manage"]).await;
    let server = vault.database.connect_as_app().await;
    let scope = format!("set strongroom.orgs = '{},'", vault.admin.org);
    server.batch_execute(&scope).await.unwrap();
    let key_id = result(vault.admin.get(&client.path()).await, 200).await["key_id"].clone();
    let key_id = key_id.as_str().unwrap();
    database
        .batch_execute("create table kept as select * from oauth_clients")
        .await
        .unwrap();
    for edit in EDITS {
        let edit = format!(
            "update oauth_clients c set {edit}, version = version + 1 where client_id = '{key_id}'"
        );
        server.batch_execute(&edit).await.unwrap();
        eventually(&edit, NOTICED, async || {
            client.status().await == 401 && status(&vault.admin, &token).await == 401
        })
        .await;
        assert_eq!(client.ask("").await.status(), 401, "{edit}");
        assert_eq!(problems(&vault), ["oauth_client_altered"], "{edit}");
        assert_eq!(vault.admin.get(&client.path()).await.status(), 500);
        let listed = result(vault.admin.get(CLIENTS).await, 200).await;
        assert_eq!(listed.as_array().unwrap().len(), 1);
        database
            .batch_execute(
                "delete from oauth_clients; insert into oauth_clients select * from kept",
            )
            .await
            .unwrap();
        eventually("the row is back", NOTICED, async || {
            client.status().await == 200 && status(&vault.admin, &token).await == 200
        })
        .await;
    }
    assert!(problems(&vault).is_empty());
}

#[tokio::test]
async fn the_servers_role_cannot_turn_a_client_back_or_change_a_token() {
    let (vault, _, client, _) = scene().await;
    let server = vault.database.connect_as_app().await;
    let scope = format!("set strongroom.orgs = '{},'", vault.admin.org);
    server.batch_execute(&scope).await.unwrap();
    for (statement, code) in [
        ("update oauth_clients set version = version", "SR003"),
        ("update oauth_clients set version = version - 1", "SR003"),
        ("delete from oauth_clients", "42501"),
        (
            "update oauth_clients set client_id = gen_random_uuid()",
            "42501",
        ),
        (
            "update access_tokens set expires_at = now() + interval '9 days'",
            "42501",
        ),
        ("update access_tokens set scopes = 'keys:manage'", "42501"),
    ] {
        let error = server.batch_execute(statement).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), code, "{statement}");
    }
    let delete = vault.admin.request(Method::DELETE, &client.path());
    assert_eq!(delete.send().await.unwrap().status(), 204);
    let back = "update oauth_clients set deleted_at = null, version = version + 1";
    let error = server.batch_execute(back).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "SR003");
}

#[tokio::test]
async fn an_edited_token_does_not_work() {
    let (vault, database, client, token) = scene().await;
    Client::create(&vault.admin, &["keys:manage"]).await;
    database
        .batch_execute("create table kept as select * from access_tokens")
        .await
        .unwrap();
    let other = "(select client_id from oauth_clients c where c.client_id <> t.client_id)";
    for edit in [
        "scopes = 'credentials:list keys:manage'",
        "scopes = 'x'",
        "expires_at = expires_at + interval '1 day'",
        "issued_at = issued_at - interval '1 day'",
        &format!("client_id = {other}"),
        "digest = '\\x00'",
    ] {
        let statement = format!("update access_tokens t set {edit}");
        database.batch_execute(&statement).await.unwrap();
        eventually(edit, NOTICED, async || {
            status(&vault.admin, &token).await == 401
        })
        .await;
        assert_eq!(
            client.introspect(&token, "").await,
            json!({"active": false})
        );
        database
            .batch_execute(
                "delete from access_tokens; insert into access_tokens select * from kept",
            )
            .await
            .unwrap();
        let back = async || status(&vault.admin, &token).await == 200;
        eventually("the row is back", NOTICED, back).await;
    }
}

async fn put_back(database: &Postgres) {
    let back = "delete from oauth_clients; insert into oauth_clients select * from kept_clients; \
                delete from access_tokens; insert into access_tokens select * from kept_tokens";
    database.batch_execute(back).await.unwrap();
}

#[tokio::test]
async fn rows_that_are_put_back_do_not_work() {
    let (vault, database, client, token) = scene().await;
    let api = &vault.admin;
    let keep = "create table kept_clients as select * from oauth_clients; \
                create table kept_tokens as select * from access_tokens";
    database.batch_execute(keep).await.unwrap();
    client.revoke(&token).await;
    put_back(&database).await;
    eventually("revoked", NOTICED, async || {
        status(api, &token).await == 401
    })
    .await;
    for _ in 0..3 {
        assert_eq!(status(api, &token).await, 401);
    }
    vault.server.wait_for_log("is in the database again");
    assert_eq!(client.status().await, 200);
    // Earlier scopes, an earlier secret, and a client that was deleted.
    let less = json!({"scopes": ["audit:read"]});
    result(send(api, Method::PATCH, &client.path(), &less).await, 200).await;
    let reduced = "create table reduced as select * from oauth_clients";
    database.batch_execute(reduced).await.unwrap();
    put_back(&database).await;
    eventually("earlier scopes", NOTICED, async || {
        client.status().await == 401
    })
    .await;
    assert_eq!(problems(&vault), ["oauth_client_altered"]);
    let newest = "delete from oauth_clients; insert into oauth_clients select * from reduced";
    database.batch_execute(newest).await.unwrap();
    eventually("the newest row", NOTICED, async || {
        client.status().await == 403
    })
    .await;
    let path = format!("{}/secret", client.path());
    result(api.request(Method::PUT, &path).send().await.unwrap(), 200).await;
    put_back(&database).await;
    let is_dead = async || client.status().await == 401;
    eventually("an earlier secret", NOTICED, is_dead).await;
    let delete = api.request(Method::DELETE, &client.path()).send().await;
    assert_eq!(delete.unwrap().status(), 204);
    put_back(&database).await;
    for _ in 0..3 {
        assert!(is_dead().await);
        assert_eq!(status(api, &token).await, 401);
    }
    assert_eq!(result(api.get(CLIENTS).await, 200).await, json!([]));
}
