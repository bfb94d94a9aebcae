//! What the servers' database role cannot undo: generations of keys, revocations, deletions.
//! Triggers refuse it, which a sharded cluster does not have on these tables.

use strongroom_e2e::{Finished, TestVault, run};
use tokio_postgres::Client;

/// A client with the servers' role, in the scope of the vault's organization.
async fn server_of(vault: &TestVault) -> Client {
    let client = vault.database.connect_as_app().await;
    let scope = format!("set strongroom.orgs = '{},'", vault.admin.org);
    client.batch_execute(&scope).await.unwrap();
    client
}

/// Runs `strongroom` with the servers' role, which the triggers bind.
fn run_as_server(vault: &TestVault, args: &[&str]) -> Finished {
    let (url, root_key) = (vault.database.app_url(), vault.root_key_file());
    let variables = [
        ("STRONGROOM_DATABASE_URL", url.as_str()),
        ("STRONGROOM_ROOT_KEY_FILE", &root_key),
    ];
    run(args, &variables)
}

async fn is_refused(client: &Client, statement: &str) {
    let error = client.batch_execute(statement).await.unwrap_err();
    assert_eq!(
        error.code().unwrap().code(),
        "SR003",
        "{statement}: {error:?}"
    );
}

/// Keeps a copy of `table` that the servers' role can read.
async fn copy(client: &Client, table: &str) {
    let copied = format!(
        "create table kept_{table} as select * from {table}; \
         grant select on kept_{table} to strongroom_app"
    );
    client.batch_execute(&copied).await.unwrap();
}

#[tokio::test]
async fn a_retired_generation_does_not_come_back() {
    let vault = TestVault::start_unsharded().await;
    let org = vault.admin.org.as_str();
    let (owner, server) = (vault.database.connect().await, server_of(&vault).await);
    copy(&owner, "org_keys").await;
    run_as_server(&vault, &["rotate", "org", "--org", org]).assert_success();
    server
        .batch_execute("begin; update org_keys set active = false")
        .await
        .unwrap();
    is_refused(
        &server,
        "update org_keys set active = true where generation = 1",
    )
    .await;
    server.batch_execute("rollback").await.unwrap();
    let retire = ["rotate", "retire", "--org", org, "--generation", "1"];
    run_as_server(&vault, &retire).assert_success();
    for statement in [
        "insert into org_keys select * from kept_org_keys",
        "insert into org_keys select org_id, generation, root_key_id, wrapped_key, false, \
         created_at from kept_org_keys",
        "delete from org_keys",
        "delete from org_keys where generation = 2",
    ] {
        is_refused(&server, statement).await;
    }
    let id = vault.admin.create("after").await;
    assert_eq!(vault.admin.reveal(&id).await.status(), 200);
    run_as_server(&vault, &["rotate", "org", "--org", org]).assert_success();
}

/// The owner of the database can put a row back. The next rotation replaces it, and uses no
/// generation twice.
#[tokio::test]
async fn a_rotation_never_uses_a_generation_twice() {
    let vault = TestVault::start_unsharded().await;
    let org = vault.admin.org.as_str();
    let owner = vault.database.connect().await;
    copy(&owner, "org_keys").await;
    let sealed = vault.admin.create("before").await;
    vault.run(&["rotate", "org", "--org", org]).assert_success();
    let back = "update org_keys set active = false; \
                update org_keys set active = true where generation = 1";
    owner.batch_execute(back).await.unwrap();
    vault.run(&["rotate", "org", "--org", org]).assert_success();
    let generations = "select array_agg(generation order by generation) from org_keys";
    let generations: Vec<i32> = owner.query_one(generations, &[]).await.unwrap().get(0);
    assert_eq!(generations, [1, 2, 3]);
    for id in [sealed, vault.admin.create("after").await] {
        assert_eq!(vault.admin.reveal(&id).await.status(), 200);
    }
    // Also when the rows of the generation, its key and its rotation are gone.
    let gone = "delete from credentials; delete from rotations; delete from org_keys; \
                insert into org_keys select * from kept_org_keys";
    owner.batch_execute(gone).await.unwrap();
    vault.run(&["rotate", "org", "--org", org]).assert_success();
    let newest = "select generation from org_keys where active";
    let newest: i32 = owner.query_one(newest, &[]).await.unwrap().get(0);
    assert_eq!(newest, 4);
}

#[tokio::test]
async fn a_revocation_is_final() {
    let vault = TestVault::start_unsharded().await;
    let org = vault.admin.org.as_str();
    let (owner, server) = (vault.database.connect().await, server_of(&vault).await);
    copy(&owner, "api_keys").await;
    let keys = vault.keys(org);
    let key = keys.iter().find(|key| key["role"] == "member").unwrap();
    let key = key["key_id"].as_str().unwrap();
    is_refused(&server, "update api_keys set digest = '\\x00'").await;
    let revoke = ["key", "revoke", "--org", org, "--key", key];
    run_as_server(&vault, &revoke).assert_success();
    for change in [
        "set revoked_at = null",
        "set revoked_at = null, digest = (select digest from kept_api_keys o \
         where o.key_id = k.key_id)",
        "set revoked_at = now() + interval '1 year'",
        "set digest = '\\x00'",
    ] {
        let change = format!("update api_keys k {change} where k.key_id = '{key}'");
        is_refused(&server, &change).await;
    }
    run_as_server(&vault, &revoke).assert_success();
}

#[tokio::test]
async fn a_deletion_is_neither_hastened_nor_undone_after_the_destruction() {
    let vault = TestVault::start_unsharded().await;
    let org = vault.admin.org.as_str();
    let server = server_of(&vault).await;
    run_as_server(&vault, &["org", "delete", "--org", org]).assert_success();
    for change in [
        "set destroy_after = now() - interval '1 day'",
        "set deleted_at = now() - interval '1 year'",
    ] {
        is_refused(&server, &format!("update organizations {change}")).await;
    }
    run_as_server(&vault, &["org", "restore", "--org", org]).assert_success();
    run_as_server(&vault, &["org", "delete", "--org", org, "--now", "--yes"]).assert_success();
    for change in [
        "set destroyed_at = null",
        "set deleted_at = null, destroy_after = null",
        "set deleted_at = null, destroy_after = null, destroyed_at = null",
    ] {
        is_refused(&server, &format!("update organizations {change}")).await;
    }
    let key =
        format!("insert into org_keys values ('{org}', 9, gen_random_uuid(), '', true, now())");
    is_refused(&server, &key).await;
}

#[tokio::test]
async fn a_root_key_does_not_become_active_again() {
    let vault = TestVault::start_unsharded().await;
    let server = vault.database.connect_as_app().await;
    run_as_server(&vault, &["rotate", "root"]).assert_success();
    for state in ["prepared", "active", "superseded"] {
        let back = format!("update root_keys set state = '{state}' where state = 'unneeded'");
        is_refused(&server, &back).await;
    }
    for state in ["active", "superseded", "unneeded"] {
        let row = "insert into root_keys (root_key_id, check_value, created_at, state)";
        is_refused(
            &server,
            &format!("{row} values (gen_random_uuid(), '', now(), '{state}')"),
        )
        .await;
    }
}

/// The servers' role can insert rows that no server wrote. They wrap nothing, and stop nobody.
#[tokio::test]
async fn foreign_rows_stop_neither_a_start_nor_a_rotation() {
    let vault = TestVault::start_unsharded().await;
    let server = vault.database.connect_as_app().await;
    let owner = vault.database.connect().await;
    let row = "insert into root_keys (root_key_id, check_value, created_at, state)";
    let prepared = format!(
        "{row} values (gen_random_uuid(), '', now(), 'prepared') returning root_key_id::text"
    );
    let prepared: String = server.query_one(&prepared, &[]).await.unwrap().get(0);
    // As the owner, a row in a state that a loaded key has.
    let superseded = format!("{row} values (gen_random_uuid(), '', now(), 'superseded')");
    owner.batch_execute(&superseded).await.unwrap();
    let future =
        "insert into servers values (gen_random_uuid(), 'ghost', now(), '2099-01-01', '{}')";
    server.batch_execute(future).await.unwrap();

    let second = vault.start_server(&[]);
    vault.ready(&second.url()).await;
    assert!(second.log().contains("wraps no key"), "{}", second.log());
    vault
        .run(&["rotate", "root", "--prepare"])
        .assert_refused("rotate retire --root");
    vault
        .run(&["rotate", "retire", "--root", &prepared])
        .assert_success();
    let rotated = vault.run(&["rotate", "root", "--json"]).json();
    assert!(rotated["rows"].as_i64().unwrap() > 4, "{rotated}");
}

/// A function that the owner runs for servers calls nothing that another role created.
#[tokio::test]
async fn a_shadowed_function_is_not_run_as_the_owner() {
    let vault = TestVault::start_unsharded().await;
    let (owner, server) = (vault.database.connect().await, server_of(&vault).await);
    owner
        .batch_execute("grant create on schema public to strongroom_app")
        .await
        .unwrap();
    let shadow = "create table ran (as_role text); grant insert on ran to public; \
         create function format(text, regclass) returns text language plpgsql as $$ begin \
           insert into public.ran values (current_user); \
           return pg_catalog.format($1, $2::text); end $$; \
         create function format(text, text) returns text language plpgsql as $$ begin \
           insert into public.ran values (current_user); \
           return pg_catalog.format($1, variadic array[$2]); end $$";
    server.batch_execute(shadow).await.unwrap();
    let partition = "select c.relname from pg_class c join pg_inherits i on i.inhrelid = c.oid \
         where i.inhparent = 'audit_events'::regclass and c.relname like 'audit_events_y%' \
         order by c.relname desc limit 1";
    let partition: String = owner.query_one(partition, &[]).await.unwrap().get(0);
    owner
        .batch_execute(&format!("drop table {partition}"))
        .await
        .unwrap();
    server
        .batch_execute("select strongroom_ensure_audit_partitions()")
        .await
        .unwrap();
    let made = format!("select relforcerowsecurity from pg_class where relname = '{partition}'");
    assert!(owner.query_one(&made, &[]).await.unwrap().get::<_, bool>(0));
    let ran = owner.query("select as_role from ran", &[]).await.unwrap();
    assert!(ran.is_empty(), "{ran:?}");
}
