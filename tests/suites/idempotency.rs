//! A POST that is repeated with the same `Idempotency-Key`.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestVault, api_key, eventually, failure};

const HEADER: &str = "Idempotency-Key";

async fn post(api: &Api, key: &str, body: &Value) -> reqwest::Response {
    let request = api.request(reqwest::Method::POST, CREDENTIALS);
    request.header(HEADER, key).json(body).send().await.unwrap()
}

async fn created(answer: reqwest::Response) -> String {
    assert_eq!(answer.status(), 201);
    let body: Value = answer.json().await.unwrap();
    body["result"][0].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_same_request_makes_one_credential() {
    let vault = TestVault::start().await;
    let other = vault.start_server(&[]);
    let elsewhere = vault.admin.at(&other.url());
    vault.ready(&other.url()).await;
    let first = created(post(&vault.admin, "k-1", &api_key("a")).await).await;
    for api in [&vault.admin, &elsewhere] {
        assert_eq!(created(post(api, "k-1", &api_key("a")).await).await, first);
    }
    // Neither the headers nor the caller's API key are compared.
    let colleague = vault.new_key(&vault.admin.org, "admin");
    let waiting = colleague
        .request(reqwest::Method::POST, CREDENTIALS)
        .header(HEADER, "k-1")
        .header("SlashID-Required-Consistency", "all_regions")
        .json(&api_key("a"));
    assert_eq!(created(waiting.send().await.unwrap()).await, first);
    assert_eq!(vault.member.list().await.len(), 1);
    let another = created(post(&vault.admin, "k-2", &api_key("a")).await).await;
    assert_ne!(another, first);
    let creations = "select from audit_events where action = 'credential.create'";
    let database = vault.database.connect().await;
    assert_eq!(database.query(creations, &[]).await.unwrap().len(), 2);
}

#[tokio::test]
async fn another_request_with_the_same_key_is_refused() {
    let vault = TestVault::start().await;
    let first = created(post(&vault.admin, "k", &api_key("a")).await).await;
    let mut labeled = api_key("a");
    labeled["extcred_label"] = json!("other");
    let mut typed = api_key("a");
    typed["extcred_type"] = json!("access_token");
    typed["json_blob"] = json!({"access_token": "a"});
    for other in [api_key("b"), labeled, typed] {
        let refused = failure(post(&vault.admin, "k", &other).await, 422).await;
        assert_eq!(refused.errors[0].1, "reused_idempotency_key");
    }
    assert_eq!(vault.member.list().await.len(), 1);
    // Another organization's equal key is independent.
    let (stranger, _) = vault.new_organization("stranger");
    let theirs = created(post(&stranger, "k", &api_key("b")).await).await;
    assert_ne!(theirs, first);
}

#[tokio::test]
async fn a_malformed_key_is_named_and_nothing_is_written() {
    let vault = TestVault::start().await;
    for key in ["", "two words", &"x".repeat(256)] {
        let refused = failure(post(&vault.admin, key, &api_key("a")).await, 400).await;
        assert_eq!(refused.fields(), [HEADER], "{key}");
    }
    let twice = vault
        .admin
        .request(reqwest::Method::POST, CREDENTIALS)
        .header(HEADER, "a")
        .header(HEADER, "a")
        .json(&api_key("a"));
    assert_eq!(twice.send().await.unwrap().status(), 400);
    assert_eq!(vault.member.list().await.len(), 0);
}

#[tokio::test]
async fn a_refused_request_does_not_use_its_key_up() {
    let vault = TestVault::start().await;
    let mut wrong = api_key("a");
    wrong["json_blob"] = json!({});
    assert_eq!(post(&vault.admin, "k", &wrong).await.status(), 400);
    created(post(&vault.admin, "k", &api_key("a")).await).await;
}

#[tokio::test]
async fn fifty_clients_of_two_servers_make_one_credential() {
    let vault = TestVault::start().await;
    let other = vault.start_server(&[]);
    vault.ready(&other.url()).await;
    let servers = [vault.admin.clone(), vault.admin.at(&other.url())];
    for round in 0..5 {
        let key = format!("round-{round}");
        let body = api_key(&key);
        let posts = (0..50).map(|n| post(&servers[n % 2], &key, &body));
        let mut ids = Vec::new();
        for answer in join_all(posts).await {
            ids.push(created(answer).await);
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "{ids:?}");
    }
    assert_eq!(vault.member.list().await.len(), 5);
}

#[tokio::test]
async fn a_key_can_be_used_anew_after_a_day() {
    let vault = TestVault::start().await;
    let first = created(post(&vault.admin, "k", &api_key("a")).await).await;
    let database = vault.database.connect().await;
    let day = "select from idempotency_keys where expires_at - claimed_at = interval '24 hours'";
    assert_eq!(database.query(day, &[]).await.unwrap().len(), 1);
    let age = "update idempotency_keys set expires_at = now() - interval '1 minute'";
    database.execute(age, &[]).await.unwrap();
    let second = created(post(&vault.admin, "k", &api_key("b")).await).await;
    assert_ne!(second, first);
    assert_eq!(
        created(post(&vault.admin, "k", &api_key("b")).await).await,
        second
    );
}

#[tokio::test]
async fn neither_key_nor_request_can_be_guessed_from_the_table() {
    let vault = TestVault::start().await;
    let (stranger, _) = vault.new_organization("stranger");
    for api in [&vault.admin, &stranger] {
        created(post(api, "the-key", &api_key("hunter2")).await).await;
    }
    let database = vault.database.connect().await;
    let rows = "select key_digest, request_digest from idempotency_keys";
    let rows = database.query(rows, &[]).await.unwrap();
    assert_eq!(rows.len(), 2);
    for column in [0, 1] {
        let [one, other]: [Vec<u8>; 2] = [rows[0].get(column), rows[1].get(column)];
        assert_eq!(one.len(), 32);
        assert_ne!(one, other, "equal in two organizations");
    }
}

#[tokio::test]
async fn what_is_too_old_is_forgotten_in_every_organization_and_nothing_else() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let admins = [&vault.admin, &other];
    for api in admins {
        for key in ["old", "new"] {
            created(post(api, key, &api_key(key)).await).await;
        }
    }
    let database = vault.database.connect().await;
    // An operation's id contains its begin. One organization has an old operation, the other one an
    // old idempotency record.
    let olds = "select min(op_id::text)::uuid as op_id from operations where org_id::text = $1";
    let operation = format!(
        "update operations set op_id = ('00000000' || substr(op_id::text, 9))::uuid \
         where op_id in ({olds})"
    );
    let record = format!("update idempotency_keys set expires_at = now() where op_id in ({olds})");
    for (age, org) in [(&operation, &vault.admin.org), (&record, &other.org)] {
        assert_eq!(database.execute(age.as_str(), &[org]).await.unwrap(), 1);
    }
    let another = vault.start_server(&[]);
    vault.ready(&another.url()).await;
    let left = "select (select count(*) from operations), (select count(*) from idempotency_keys)";
    let limit = Duration::from_secs(20);
    eventually("old rows are deleted", limit, async || {
        let row = database.query_one(left, &[]).await.unwrap();
        (row.get::<_, i64>(0), row.get::<_, i64>(1)) == (3, 3)
    })
    .await;
    for (api, credentials) in admins.into_iter().zip([2, 3]) {
        for key in ["new", "old"] {
            created(post(api, key, &api_key(key)).await).await;
        }
        assert_eq!(api.list().await.len(), credentials);
    }
}

/// The servers' role can write these rows. A repeated request must not get another credential.
#[tokio::test]
async fn an_edited_record_answers_nothing() {
    // A sharded table takes no values from temporary tables.
    let vault = TestVault::start_unsharded().await;
    let other = created(post(&vault.admin, "other", &api_key("b")).await).await;
    let first = created(post(&vault.admin, "k", &api_key("a")).await).await;
    let server = vault.database.connect_as_app().await;
    let scope = format!("set strongroom.orgs = '{},'", vault.admin.org);
    server.batch_execute(&scope).await.unwrap();
    let kept = "create temporary table kept as select * from idempotency_keys";
    server.batch_execute(kept).await.unwrap();
    for edit in [
        format!("cred_id = '{other}'"),
        "op_id = gen_random_uuid()".to_owned(),
        "expires_at = expires_at + interval '1 hour'".to_owned(),
        "proof = null".to_owned(),
        "proof = (select proof from kept k where k.cred_id <> r.cred_id)".to_owned(),
    ] {
        let edited = format!("update idempotency_keys r set {edit} where cred_id = '{first}'");
        assert_eq!(server.execute(&edited, &[]).await.unwrap(), 1, "{edit}");
        let answer = post(&vault.admin, "k", &api_key("a")).await;
        assert_eq!(answer.status(), 500, "{edit}");
        let undo = "delete from idempotency_keys; insert into idempotency_keys select * from kept";
        server.batch_execute(undo).await.unwrap();
    }
    assert_eq!(
        created(post(&vault.admin, "k", &api_key("a")).await).await,
        first
    );
    assert_eq!(vault.member.list().await.len(), 2);
}
