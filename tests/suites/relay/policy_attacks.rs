//! The owner of the database alters policies.

use reqwest::Method;
use serde_json::json;
use strongroom_e2e::TestVault;

use super::support::{RELAY, get, policy_path, problems, put, stripe};

/// Changes of the policy of `id` that no server makes.
fn attacks(id: &str, other: &str) -> Vec<String> {
    let set = |what: &str| format!("update relay_policies set {what} where cred_id = '{id}'");
    let from = |columns: &str, which: &str| {
        let columns: Vec<_> = columns
            .split(' ')
            .map(|one| format!("{one} = k.{one}"))
            .collect();
        format!(
            "update relay_policies p set {} from {which} k where p.cred_id = '{id}'",
            columns.join(", ")
        )
    };
    let sealed = "key_generation wrapped_key sealed_policy";
    let whole = "version updated_at key_generation wrapped_key sealed_policy digest";
    let others = format!("(select * from kept where cred_id = '{other}')");
    let old = format!("(select * from old where cred_id = '{id}')");
    vec![
        set("version = version + 1"),
        set("version = version - 1"),
        set("updated_at = updated_at + interval '1 second'"),
        set("digest = ''"),
        set("sealed_policy = set_bit(sealed_policy, 200, 1 - get_bit(sealed_policy, 200))"),
        set("wrapped_key = set_bit(wrapped_key, 200, 1 - get_bit(wrapped_key, 200))"),
        set("key_generation = 2"),
        set("key_generation = null"),
        set("key_generation = null, wrapped_key = null, sealed_policy = null"),
        from(sealed, &others),
        from(whole, &others),
        from(sealed, &old),
        from(whole, &old),
        format!("delete from relay_policies where cred_id = '{id}'"),
    ]
}

#[tokio::test]
async fn a_policy_that_was_swapped_copied_edited_or_put_back_is_refused() {
    let vault =
        TestVault::start_on(strongroom_e2e::Database::create_unsharded().await, &[RELAY]).await;
    let api = &vault.admin;
    let (id, other) = (
        api.create("sk_live_12345678").await,
        api.create("x1234567").await,
    );
    let database = vault.database.connect().await;
    put(api, &id, &json!({"hosts": ["evil.example"]})).await;
    database
        .batch_execute("create table old as select * from relay_policies")
        .await
        .unwrap();
    let set = put(api, &id, &stripe()).await;
    put(api, &other, &json!({"hosts": ["evil.example"]})).await;
    put(api, &other, &json!({"hosts": ["evil.example"]})).await;
    database
        .batch_execute("create table kept as select * from relay_policies")
        .await
        .unwrap();
    for attack in attacks(&id, &other) {
        database.batch_execute(&attack).await.unwrap();
        assert_eq!(get(api, &id).await.0, 500, "{attack}");
        assert_eq!(problems(&vault), ["relay_policy_altered"], "{attack}");
        let undo = "truncate relay_policies; insert into relay_policies select * from kept";
        database.batch_execute(undo).await.unwrap();
        assert_eq!(get(api, &id).await, (200, set.clone()), "{attack}");
    }
    assert!(problems(&vault).is_empty());
    // A policy that is set again replaces one that was altered, and no version comes again.
    database
        .batch_execute(&attacks(&id, &other)[0])
        .await
        .unwrap();
    assert_eq!(put(api, &id, &stripe()).await["version"], 4);
    database
        .batch_execute("delete from relay_policies")
        .await
        .unwrap();
    let delete = api.request(Method::DELETE, &policy_path(&id)).send();
    assert_eq!(delete.await.unwrap().status(), 204);
    assert_eq!(get(api, &id).await.0, 404);
}

#[tokio::test]
async fn the_servers_role_cannot_turn_a_policy_back() {
    let database = strongroom_e2e::Database::create_unsharded().await;
    let vault = TestVault::start_on(database, &[RELAY]).await;
    let id = vault.admin.create("sk_live_12345678").await;
    put(&vault.admin, &id, &stripe()).await;
    put(&vault.admin, &id, &stripe()).await;
    let server = vault.database.connect_as_app().await;
    let scope = format!("set strongroom.orgs = '{},'", vault.admin.org);
    server.batch_execute(&scope).await.unwrap();
    for (change, code) in [
        ("version = version - 1", "SR003"),
        ("digest = ''", "SR003"),
        ("sealed_policy = null", "SR003"),
        ("cred_id = gen_random_uuid()", "42501"),
    ] {
        let update = format!("update relay_policies set {change}");
        let error = server.batch_execute(&update).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), code, "{change}");
    }
    let rewrap = "update relay_policies set key_generation = 2, wrapped_key = ''";
    server.batch_execute(rewrap).await.unwrap();
}
