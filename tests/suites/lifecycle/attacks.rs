//! The owner of the database alters values and deletions.

use strongroom_e2e::TestVault;

use super::{VALUES, delete, get, has_all, keep, problems, restore, set, with_history};

/// Changes of the values of the credential `id` that no server makes.
fn attacks(id: &str, other: &str) -> Vec<String> {
    let of = |what: &str, which: &str| {
        format!("update credential_versions set {what} where cred_id = '{id}' and {which}")
    };
    let seal = "wrapped_key = k.wrapped_key, sealed_blob = k.sealed_blob, digest = k.digest";
    let from = |which: &str| {
        format!(
            "update credential_versions v set {seal} from kept k where v.cred_id = '{id}' \
             and {which}"
        )
    };
    let first = "value_version = 1";
    vec![
        of("stage = null", "stage = 'previous'"),
        of(
            "stage = case stage when 'previous' then 'pending' else 'previous' end",
            "stage is not null",
        ),
        of("staged_at = staged_at - interval '1 day'", first),
        of(
            "expires_at = now(), expires_source = 'caller'",
            "value_version = 2",
        ),
        of(
            "destroyed_at = now(), wrapped_key = null, sealed_blob = null, key_generation = null",
            first,
        ),
        of(
            "sealed_blob = set_bit(sealed_blob, 200, 1 - get_bit(sealed_blob, 200))",
            first,
        ),
        of("digest = ''", "value_version = 2"),
        of("value_version = 9", first),
        from("k.cred_id = v.cred_id and v.value_version = 1 and k.value_version = 2"),
        from(&format!(
            "k.cred_id = '{other}' and k.value_version = v.value_version"
        )),
        format!("delete from credential_versions where cred_id = '{id}' and value_version = 1"),
        format!("delete from credential_versions where cred_id = '{id}'"),
        format!(
            "insert into credential_versions select org_id, cred_id, 7, null, staged_at, \
                 expires_at, expires_source, key_generation, wrapped_key, sealed_blob, \
                 destroyed_at, digest from kept where cred_id = '{id}' and value_version = 1"
        ),
        format!("update credentials set history = null where cred_id = '{id}'"),
        format!(
            "update credentials c set history = r.history from row r \
                 where c.cred_id = '{id}' and r.cred_id = '{other}'"
        ),
    ]
}

#[tokio::test]
async fn values_open_only_in_their_place_and_stage() {
    let vault = TestVault::start_unsharded().await;
    let api = &vault.admin;
    keep(api).await;
    let (id, other) = (with_history(api).await, with_history(api).await);
    let database = vault.database.connect().await;
    let copy = "create table kept as select * from credential_versions; \
                create table row as select * from credentials";
    database.batch_execute(copy).await.unwrap();
    for attack in attacks(&id, &other) {
        database.batch_execute(&attack).await.unwrap();
        for (query, _) in &VALUES[1..] {
            let answer = get(api, &id, query).await;
            assert_eq!(answer.status(), 500, "{attack}: {query}");
        }
        // Nothing that was altered becomes a valid version.
        let change = serde_json::json!({"extcred_label": "x"});
        assert_eq!(api.patch(&id, &change).await.status(), 500, "{attack}");
        assert!(!problems(&vault).is_empty(), "{attack}");
        let undo = "truncate credential_versions, credentials; \
                    insert into credential_versions select * from kept; \
                    insert into credentials select * from row";
        database.batch_execute(undo).await.unwrap();
        has_all(api, &id).await;
        assert_eq!(problems(&vault), Vec::<String>::new(), "{attack}");
    }
}

#[tokio::test]
async fn a_former_value_is_no_current_one_and_an_old_state_is_noticed() {
    let vault = TestVault::start_unsharded().await;
    let api = &vault.admin;
    keep(api).await;
    let id = with_history(api).await;
    let database = vault.database.connect().await;
    let copy = "create table kept as select * from credential_versions; \
                create table row as select * from credentials";
    database.batch_execute(copy).await.unwrap();
    let moved = "update credentials c set wrapped_key = v.wrapped_key, \
                 sealed_blob = v.sealed_blob, value_version = 2, history = null \
                 from credential_versions v \
                 where v.cred_id = c.cred_id and v.value_version = 2";
    database.batch_execute(moved).await.unwrap();
    assert_eq!(api.reveal(&id).await.status(), 500);
    let undo = "truncate credentials; insert into credentials select * from row";
    database.batch_execute(undo).await.unwrap();
    set(api, &id, "v5").await;
    let back = "truncate credential_versions, credentials; \
                insert into credential_versions select * from kept; \
                insert into credentials select * from row";
    database.batch_execute(back).await.unwrap();
    assert_eq!(problems(&vault), ["rolled_back"]);
}

#[tokio::test]
async fn a_deletion_and_its_window_are_those_of_the_trail() {
    let vault = TestVault::start_with(&[("STRONGROOM_PURGE_INTERVAL", "1s")]).await;
    let api = &vault.admin;
    keep(api).await;
    let (live, gone) = (api.create("live").await, api.create("gone").await);
    delete(api, &format!("credentialId={gone}")).await;
    assert_eq!(problems(&vault), Vec::<String>::new());
    let database = vault.database.connect().await;
    let run = async |sql: String| database.batch_execute(&sql).await.unwrap();
    let set =
        |what: &str, id: &str| format!("update credentials set {what} where cred_id = '{id}'");
    // The window is over according to the row alone: nothing is purged, and nothing restored.
    run("create table row as select * from credentials".into()).await;
    run(set("recover_until = now() - interval '1 hour'", &gone)).await;
    vault
        .server
        .wait_for_log("the deletion of a credential is not the one in the audit trail");
    assert_eq!(problems(&vault), ["deletion_altered"]);
    assert_eq!(restore(api, &gone).await, 500);
    run(format!(
        "update credentials c set recover_until = r.recover_until from row r \
                 where r.cred_id = c.cred_id and c.cred_id = '{gone}'"
    ))
    .await;
    // A live one is hidden.
    let hide = "deleted_at = now(), recover_until = now() + interval '1 day'";
    run(set(hide, &live)).await;
    assert_eq!(api.reveal(&live).await.status(), 404);
    assert_eq!(problems(&vault), ["deletion_altered"]);
    assert_eq!(restore(api, &live).await, 500);
    run(set("deleted_at = null, recover_until = null", &live)).await;
    // A deleted one is put back, or removed for good.
    run(set("deleted_at = null, recover_until = null", &gone)).await;
    assert_eq!(problems(&vault), ["put_back"]);
    run(format!("delete from credentials where cred_id = '{gone}'")).await;
    assert_eq!(problems(&vault), ["missing"]);
    run(format!(
        "insert into credentials select * from row where cred_id = '{gone}'"
    ))
    .await;
    assert_eq!(problems(&vault), Vec::<String>::new());
    assert_eq!(restore(api, &gone).await, 204);
    // The deleted row is put back over the restored one.
    run(format!(
        "delete from credentials where cred_id = '{gone}'; \
                 insert into credentials select * from row where cred_id = '{gone}'"
    ))
    .await;
    assert_eq!(problems(&vault), ["rolled_back"]);
}

#[tokio::test]
async fn a_write_does_not_make_a_deleted_credential_a_live_one() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let id = api.create("gone").await;
    delete(api, &format!("credentialId={id}")).await;
    let database = vault.database.connect().await;
    let shown = "update credentials set deleted_at = null, recover_until = null";
    database.batch_execute(shown).await.unwrap();
    assert_eq!(problems(&vault), ["put_back"]);
    set(api, &id, "changed").await;
    assert_eq!(problems(&vault), ["put_back"]);
}
