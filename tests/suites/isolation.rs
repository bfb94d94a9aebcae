//! Organisations and the database: who sees which rows, and what is in them.

use std::process::Command;

use serde_json::{Value, json};
use strongroom_e2e::{Api, TestVault};
use strongroom_pgdev::Binaries;
use tokio_postgres::Client;
use uuid::Uuid;

const TENANT_TABLES: [&str; 5] = [
    "organizations",
    "org_keys",
    "api_keys",
    "credentials",
    "audit_events",
];

/// Two organisations with a credential each.
async fn two() -> (TestVault, Api, [String; 2]) {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let mine = vault.admin.create("canary-of-mine").await;
    let theirs = other.create("canary-of-others").await;
    (vault, other, [mine, theirs])
}

async fn orgs_in(client: &Client, table: &str) -> Vec<Uuid> {
    let query = format!("select distinct org_id from {table} order by org_id");
    let rows = client.query(&query, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn the_application_role_sees_what_its_transaction_is_scoped_to() {
    let (vault, other, _) = two().await;
    let client = vault.database.connect_as_app().await;
    let all = vault.database.connect().await;
    let own: Uuid = vault.admin.org.parse().unwrap();
    let both = vec![own, other.org.parse().unwrap()];
    let none: Vec<Uuid> = Vec::new();
    for table in TENANT_TABLES {
        assert_eq!(orgs_in(&all, table).await.len(), 2, "{table}");
        assert_eq!(
            orgs_in(&client, table).await,
            none,
            "{table} without a scope"
        );
        for (scope, expected) in [
            (vec![], vec![]),
            (vec![own], vec![own]),
            (both.clone(), both.clone()),
        ] {
            client.batch_execute("begin").await.unwrap();
            let entered = client.query("select strongroom_enter($1)", &[&scope]).await;
            entered.unwrap();
            assert_eq!(orgs_in(&client, table).await, expected, "{table}");
            client.batch_execute("commit").await.unwrap();
            assert_eq!(
                orgs_in(&client, table).await,
                none,
                "{table}: the scope outlived its transaction"
            );
        }
    }
}

#[tokio::test]
async fn the_application_role_writes_within_its_scope_only() {
    let (vault, other, _) = two().await;
    let client = vault.database.connect_as_app().await;
    let statements = [
        format!(
            "insert into organizations values ('{}', 'x', now())",
            Uuid::from_u128(1)
        ),
        format!(
            "insert into api_keys values ('{}', gen_random_uuid(), 'admin', 'x', '', now())",
            other.org
        ),
        format!("update credentials set org_id = '{}'", other.org),
    ];
    for statement in statements {
        client.batch_execute("begin").await.unwrap();
        let own: Uuid = vault.admin.org.parse().unwrap();
        client
            .query("select strongroom_enter($1)", &[&vec![own]])
            .await
            .unwrap();
        let error = client.batch_execute(&statement).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{statement}");
        client.batch_execute("rollback").await.unwrap();
    }
    for statement in [
        "update credentials set label = 'x'",
        "delete from credentials",
        "update api_keys set role = 'admin'",
    ] {
        assert_eq!(
            client.execute(statement, &[]).await.unwrap(),
            0,
            "{statement}"
        );
    }
}

#[tokio::test]
async fn the_application_role_cannot_get_out() {
    let (vault, ..) = two().await;
    let client = vault.database.connect_as_app().await;
    let partition = "select relname from pg_class where relispartition and relkind = 'r' limit 1";
    let partition: String = client.query_one(partition, &[]).await.unwrap().get(0);
    let mut statements: Vec<String> = [
        "create table mine (x int)",
        "create schema mine",
        "create function f() returns int language sql as 'select 1'",
        "create role another",
        "set role postgres",
        "set session authorization postgres",
        "alter role strongroom_app bypassrls",
        "alter system set fsync = off",
        "copy (select 1) to '/tmp/x'",
        "drop policy tenant on credentials",
        "create policy open on credentials using (true)",
        "alter function strongroom_in_scope(uuid) rename to x",
        "select * from pg_authid",
        "delete from audit_events",
        "update audit_events set actor = 'x'",
        "delete from organizations",
        "delete from api_keys",
        "update org_keys set active = true",
        "update root_keys set check_value = ''",
        "delete from service_keys",
    ]
    .map(str::to_owned)
    .to_vec();
    for table in TENANT_TABLES {
        statements.extend([
            format!("alter table {table} disable row level security"),
            format!("alter table {table} no force row level security"),
            format!("alter table {table} owner to strongroom_app"),
            format!("truncate {table}"),
            format!("drop table {table} cascade"),
            format!("create trigger t after insert on {table} execute function strongroom_enter_listing()"),
        ]);
    }
    statements.push(format!("select * from {partition}"));
    statements.push(format!("insert into {partition} default values"));
    for statement in statements {
        let error = client.batch_execute(&statement).await.err();
        let error = error.unwrap_or_else(|| panic!("allowed: {statement}"));
        assert_eq!(
            error.code().unwrap().code(),
            "42501",
            "{statement}: {error:?}"
        );
    }
    let client = vault.database.connect().await;
    let owned = "select count(*) from pg_class c join pg_roles r on r.oid = c.relowner where rolname = 'strongroom_app'";
    assert_eq!(
        client.query_one(owned, &[]).await.unwrap().get::<_, i64>(0),
        0
    );
}

#[tokio::test]
async fn row_level_security_is_forced_on_every_tenant_table_and_partition() {
    let vault = TestVault::start().await;
    let client = vault.database.connect().await;
    let rows = client
        .query(
            "select c.relname::text, relrowsecurity and relforcerowsecurity from pg_class c \
             join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' \
             where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')",
            &[],
        )
        .await
        .unwrap();
    assert!(
        rows.len() >= TENANT_TABLES.len() + 4,
        "partitions are missing"
    );
    for row in rows {
        assert!(row.get::<_, bool>(1), "{}", row.get::<_, String>(0));
    }
}

/// Runs the `pg_dump` that belongs to the server.
fn dump(url: &str) -> String {
    let program = Binaries::find().unwrap().dir().join("pg_dump");
    let output = Command::new(program).arg(url).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_dump_and_the_log_hold_no_secret() {
    let (vault, other, [mine, _]) = two().await;
    let api = &vault.admin;
    let change = json!({"extcred_label": "shown", "json_blob": {"api_key": "canary-changed"}});
    assert_eq!(api.patch(&mine, &change).await.status(), 204);
    assert_eq!(api.secret(&mine).await["api_key"], "canary-changed");
    let broken =
        r#"{"extcred_provider":"generic","extcred_type":"api_key","json_blob":{"api_key":"canary"#;
    let path = strongroom_e2e::CREDENTIALS;
    assert_eq!(
        api.send(reqwest::Method::POST, path, broken).await.status(),
        400
    );
    let root_key = std::fs::read_to_string(vault.root_key_file()).unwrap();
    let root_key = root_key.lines().last().unwrap().to_owned();
    let mut secrets = vec!["canary".to_owned(), root_key];
    for key in [&api.key, &other.key, &vault.member.key] {
        let (_, secret) = key.rsplit_once('_').unwrap();
        secrets.push(secret.to_owned());
    }
    let dumped = dump(&vault.database.superuser_url());
    assert!(
        dumped.contains("shown") && dumped.contains(&api.org),
        "an empty dump"
    );
    let log = vault.server.log();
    assert!(log.contains(&api.org), "an empty log");
    for secret in secrets {
        for text in [&dumped, &log] {
            assert!(!text.contains(&secret), "{secret} is there as it is");
            assert!(
                !text.contains(&hex(secret.as_bytes())),
                "{secret} is there in hex"
            );
        }
    }
}

/// The key's 32 secret bytes, which its base32 text encodes.
fn secret_bytes(key: &str) -> Vec<u8> {
    let (_, text) = key.rsplit_once('_').unwrap();
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for symbol in text.bytes() {
        let value = "abcdefghijklmnopqrstuvwxyz234567"
            .find(symbol as char)
            .unwrap();
        bits = (bits << 5 | u32::try_from(value).unwrap()) & 0xfff;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    bytes.truncate(32);
    bytes
}

#[tokio::test]
async fn an_api_key_is_not_in_the_database_in_any_form() {
    let vault = TestVault::start().await;
    let dumped = dump(&vault.database.superuser_url());
    for key in [&vault.admin.key, &vault.member.key] {
        let secret = secret_bytes(key);
        assert_eq!(secret.len(), 32);
        assert!(!dumped.contains(&hex(&secret)), "the key itself");
        assert!(!dumped.contains(&hex(key.as_bytes())), "the key's text");
    }
    let client = vault.database.connect().await;
    let columns = "select table_name::text, column_name::text, data_type::text from information_schema.columns \
         where table_schema = 'public' and column_name in ('sealed_blob', 'wrapped_key', 'digest', 'check_value')";
    for row in client.query(columns, &[]).await.unwrap() {
        assert_eq!(row.get::<_, String>(2), "bytea", "{row:?}");
    }
}

#[tokio::test]
async fn organisations_do_not_meet_through_the_api() {
    let (vault, other, [mine, theirs]) = two().await;
    for (api, own, foreign) in [(&vault.admin, &mine, &theirs), (&other, &theirs, &mine)] {
        let listed: Vec<Value> = api.list().await;
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0]["external_cred_id"].as_str(), Some(own.as_str()));
        assert_eq!(
            listed[0]["organization_id"].as_str(),
            Some(api.org.as_str())
        );
        assert_eq!(api.reveal(foreign).await.status(), 404);
        let change = json!({"extcred_label": "mine now"});
        assert_eq!(api.patch(foreign, &change).await.status(), 404);
        assert_eq!(
            api.delete(&format!("credentialId={foreign}"))
                .await
                .status(),
            204
        );
    }
    assert_eq!(vault.admin.secret(&mine).await["api_key"], "canary-of-mine");
    assert_eq!(other.secret(&theirs).await["api_key"], "canary-of-others");
}
