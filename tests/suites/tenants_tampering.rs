//! A party that can write to the database widens no key and no tree.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestVault, eventually};
use tokio_postgres::Client;

async fn in_scope(client: &Client, orgs: &[&str], sql: &str) -> Result<(), String> {
    let scope = format!(
        "begin; set local strongroom.orgs = '{},'; {sql}; commit",
        orgs.join(",")
    );
    let done = client.batch_execute(&scope).await;
    if done.is_err() {
        client.batch_execute("rollback").await.unwrap();
    }
    done.map_err(|error| error.as_db_error().unwrap().message().to_owned())
}

async fn is_answered(api: &Api, status: u16) {
    eventually(
        "the server has noticed",
        Duration::from_secs(10),
        async || api.get(CREDENTIALS).await.status() == status,
    )
    .await;
}

async fn status(api: &Api) -> u16 {
    api.get(CREDENTIALS).await.status().as_u16()
}

#[tokio::test]
async fn nobody_makes_itself_an_ancestor() {
    let vault = TestVault::start_unsharded().await;
    let root = vault.root();
    let child = root.new_suborganization("child").await;
    let (victim, _) = vault.new_organization("victim");
    let intruder = root.acting_in(&victim.org);
    assert_eq!(status(&intruder).await, 401);
    // As the servers' role: an invented row, and the child's row under another organization.
    let app = vault.database.connect_as_app().await;
    let invented = format!(
        "insert into organization_ancestors \
         values ('{}', '{}', 1, decode(repeat('00', 32), 'hex'))",
        victim.org, root.org
    );
    let orgs = [victim.org.as_str(), root.org.as_str()];
    in_scope(&app, &orgs, &invented).await.unwrap();
    let superuser = vault.database.connect().await;
    let forget = "update key_epoch set epoch = gen_random_uuid()";
    superuser.batch_execute(forget).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(status(&intruder).await, 401);
    vault
        .server
        .wait_for_log("the ancestors of an organization were altered");
    let copied = format!(
        "update organization_ancestors set proof = (select proof from organization_ancestors \
         where org_id = '{}') where org_id = '{}'; {forget}",
        child.org, victim.org
    );
    superuser.batch_execute(&copied).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(status(&intruder).await, 401);
    // The other rows go on.
    assert_eq!(status(&root.acting_in(&child.org)).await, 200);
    // The servers' role can neither change nor delete a row.
    for sql in [
        "update organization_ancestors set distance = 2",
        "delete from organization_ancestors",
        "update api_keys set limits = null",
        "update api_keys set role = 'admin'",
        "update organizations set parent_id = null",
    ] {
        let refused = in_scope(&app, &orgs, sql).await.unwrap_err();
        assert!(refused.contains("permission denied"), "{sql}: {refused}");
    }
}

#[tokio::test]
async fn the_limits_of_a_key_are_under_its_digest() {
    let vault = TestVault::start_unsharded().await;
    let superuser = vault.database.connect().await;
    let limited = json!({
        "permissions": ["credentials:list"],
        "credentials": {"label_prefix": "shop/"},
        "networks": ["127.0.0.0/8", "::1/128"],
        "expires_at": "2999-01-01T00:00:00Z",
    });
    let widened = |member: &str, value: Value| {
        let mut limits = limited.clone();
        limits.as_object_mut().unwrap().remove("expires_at");
        limits["organizations"] = json!("own");
        limits[member] = value;
        format!("limits = '{limits}'")
    };
    for change in [
        widened(
            "permissions",
            json!(["credentials:list", "credentials:reveal"]),
        ),
        widened("networks", json!([])),
        widened("credentials", Value::Null),
        widened("organizations", json!("descendants")),
        "limits = null, role = 'admin'".to_owned(),
        "role = 'admin'".to_owned(),
        "expires_at = null".to_owned(),
    ] {
        let (holder, id) = vault.admin.issue(limited.clone()).await;
        assert_eq!(status(&holder).await, 200);
        let kept =
            format!("create temp table kept as select * from api_keys where key_id = '{id}'");
        superuser.batch_execute(&kept).await.unwrap();
        let altered = format!("update api_keys set {change} where key_id = '{id}'");
        superuser.batch_execute(&altered).await.unwrap();
        eventually("the key is refused", Duration::from_secs(10), async || {
            status(&holder).await != 200
        })
        .await;
        let back = "update api_keys k set limits = kept.limits, role = kept.role, \
                    expires_at = kept.expires_at from kept where k.key_id = kept.key_id; \
                    drop table kept";
        superuser.batch_execute(back).await.unwrap();
        is_answered(&holder, 200).await;
    }
}

#[tokio::test]
async fn a_scheduled_end_cannot_be_put_off() {
    let vault = TestVault::start_unsharded().await;
    let (app, superuser) = (
        vault.database.connect_as_app().await,
        vault.database.connect().await,
    );
    let org = vault.admin.org.as_str();
    let schedule = async |id: &str, overlap: &str| {
        let path = format!("/organizations/api-keys/{id}?in={overlap}");
        vault
            .admin
            .call(Method::DELETE, &path, &Value::Null, 204)
            .await;
    };
    let (holder, id) = vault.admin.issue(json!({"role": "reader"})).await;
    schedule(&id, "48h").await;
    let kept = "create table kept as select key_id, ends_at, end_proof from api_keys";
    superuser.batch_execute(kept).await.unwrap();
    schedule(&id, "24h").await;
    assert_eq!(status(&holder).await, 200);
    let later =
        format!("update api_keys set ends_at = ends_at + interval '1 day' where key_id = '{id}'");
    let never =
        format!("update api_keys set ends_at = null, end_proof = null where key_id = '{id}'");
    for sql in [&later, &never] {
        let refused = in_scope(&app, &[org], sql).await.unwrap_err();
        assert!(refused.contains("only moves nearer"), "{refused}");
    }
    let back =
        "update api_keys k set ends_at = kept.ends_at, end_proof = kept.end_proof from kept \
                where k.key_id = kept.key_id"
            .to_owned();
    for sql in [later, never, back] {
        let now = "select ends_at, end_proof from api_keys where key_id = $1::text::uuid";
        let row = superuser.query_one(now, &[&id]).await.unwrap();
        let (at, proof): (std::time::SystemTime, Vec<u8>) = (row.get(0), row.get(1));
        superuser.batch_execute(&sql).await.unwrap();
        is_answered(&holder, 401).await;
        vault
            .server
            .wait_for_log("the scheduled end of an API key was altered");
        let restore =
            "update api_keys set ends_at = $2, end_proof = $3 where key_id = $1::text::uuid";
        superuser
            .execute(restore, &[&id, &at, &proof])
            .await
            .unwrap();
        is_answered(&holder, 200).await;
    }
}

#[tokio::test]
async fn a_replaced_key_stays_refused_when_its_row_is_put_back() {
    let vault = TestVault::start_unsharded().await;
    let superuser = vault.database.connect().await;
    let (first, id) = vault.admin.issue(json!({"role": "admin"})).await;
    let kept = "create table kept as select * from api_keys";
    superuser.batch_execute(kept).await.unwrap();
    first
        .call(Method::PUT, "/organizations/api-keys", &Value::Null, 200)
        .await;
    let back = format!(
        "update api_keys k set revoked_at = null, digest = kept.digest from kept \
         where k.key_id = kept.key_id and k.key_id = '{id}'"
    );
    superuser.batch_execute(&back).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(status(&first).await, 401);
}

#[tokio::test]
async fn settings_are_those_of_the_trail() {
    let vault = TestVault::start_unsharded().await;
    let config = "/organizations/config";
    let api = &vault.admin;
    let shown = api.call(Method::GET, config, &Value::Null, 200).await;
    let first = json!({"max_key_lifetime": null, "versions_kept": 0, "recovery_days": 7});
    assert_eq!(shown, first);
    let mut day = json!({"max_key_lifetime": 86_400});
    api.call(Method::PATCH, config, &day, 204).await;
    day["versions_kept"] = 0.into();
    day["recovery_days"] = 7.into();
    assert_eq!(api.call(Method::GET, config, &Value::Null, 200).await, day);
    let keys = "/organizations/api-keys";
    for expires_at in [Value::Null, json!("2999-01-01T00:00:00Z")] {
        let body = json!({"name": "n", "role": "reader", "expires_at": expires_at});
        let request = api.request(Method::POST, keys).json(&body);
        let failed = strongroom_e2e::failure(request.send().await.unwrap(), 400).await;
        assert_eq!(failed.fields(), ["expires_at"]);
    }
    let replaced = api.call(Method::PUT, keys, &Value::Null, 200).await;
    let holder = api.with_key(replaced["api_key"].as_str().unwrap());
    assert!(replaced["expires_at"].is_string(), "{replaced}");
    let superuser = vault.database.connect().await;
    let edit = "update audit_events set details = replace(details, '86400', '8640000') \
                where action = 'organization.configure'";
    superuser.batch_execute(edit).await.unwrap();
    holder.call(Method::GET, config, &Value::Null, 500).await;
}

#[tokio::test]
async fn a_replaced_key_has_the_limits_of_the_presented_one() {
    let vault = TestVault::start_unsharded().await;
    let limited = json!({"permissions": ["keys:manage"], "networks": ["127.0.0.0/8", "::1/128"]});
    let (holder, id) = vault.admin.issue(limited).await;
    let list = "/organizations/api-keys";
    assert_eq!(holder.get(list).await.status(), 200);
    // Without the trigger that tells the servers: the key is in the server's memory.
    let widened = format!(
        "set session_replication_role = replica; update api_keys set role = 'admin', limits = \
         '{{\"networks\":[],\"organizations\":\"descendants\"}}' where key_id = '{id}'"
    );
    let superuser = vault.database.connect().await;
    superuser.batch_execute(&widened).await.unwrap();
    let answer = holder.call(Method::PUT, list, &Value::Null, 200).await;
    assert_eq!(answer["permissions"], json!(["keys:manage"]), "{answer}");
    assert_eq!(answer["organizations"], "own");
    assert_eq!(answer["networks"], json!(["127.0.0.0/8", "::1/128"]));
}
