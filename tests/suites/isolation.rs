//! Isolation of organizations in the database and in the API.

use serde_json::{Value, json};
use strongroom_e2e::{Api, TestVault};
use tokio_postgres::Client;
use uuid::Uuid;

const TENANT_TABLES: [&str; 5] = [
    "organizations",
    "org_keys",
    "api_keys",
    "credentials",
    "audit_events",
];

/// Creates two organizations with one credential each.
async fn two() -> (TestVault, Api, [String; 2]) {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let mine = vault.admin.create("canary-of-mine").await;
    let theirs = other.create("canary-of-others").await;
    (vault, other, [mine, theirs])
}

async fn orgs_in(client: &Client, table: &str) -> Vec<Uuid> {
    // The trail of the installation is in the table of events, under the nil id.
    let query = format!(
        "select distinct org_id from {table} \
         where org_id <> '00000000-0000-0000-0000-000000000000' order by org_id"
    );
    let rows = client.query(&query, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

fn enter(orgs: &[Uuid]) -> String {
    let orgs: String = orgs.iter().map(|org| format!("{org},")).collect();
    format!("set local strongroom.orgs = '{orgs}'")
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
            client.batch_execute(&enter(&scope)).await.unwrap();
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
        client.batch_execute(&enter(&[own])).await.unwrap();
        let error = client.batch_execute(&statement).await.unwrap_err();
        // A sharded table refuses every move of a row, with another code.
        let code = error.code().unwrap().code();
        assert!(["42501", "0A000"].contains(&code), "{statement}: {code}");
        client.batch_execute("rollback").await.unwrap();
    }
    for statement in [
        "update credentials set label = 'x'",
        "delete from credentials",
        "update api_keys set revoked_at = null",
    ] {
        assert_eq!(
            client.execute(statement, &[]).await.unwrap(),
            0,
            "{statement}"
        );
    }
}

/// Statements that the application role must not execute.
const FORBIDDEN: [&str; 28] = [
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
    "alter function strongroom_ensure_audit_partitions() rename to x",
    "select * from pg_authid",
    "delete from audit_events",
    "update audit_events set actor = 'x'",
    "delete from organizations",
    "delete from api_keys",
    "update org_keys set generation = 7",
    "delete from oauth_clients",
    "update access_tokens set scopes = 'keys:manage'",
    "update console_sessions set created_at = now()",
    "update api_keys set role = 'admin'",
    "update organizations set parent_id = null",
    "update api_keys set limits = null",
    "update organization_ancestors set distance = 1",
    "delete from organization_ancestors",
    "update root_keys set check_value = ''",
    "delete from service_keys",
];
/// Statements that it must not execute on any tenant table, in the place of `TABLE`.
const FORBIDDEN_ON_TABLES: [&str; 6] = [
    "alter table TABLE disable row level security",
    "alter table TABLE no force row level security",
    "alter table TABLE owner to strongroom_app",
    "truncate TABLE",
    "drop table TABLE cascade",
    "create trigger t after insert on TABLE \
     execute function strongroom_ensure_audit_partitions()",
];

#[tokio::test]
async fn the_application_role_cannot_get_out() {
    let (vault, ..) = two().await;
    let client = vault.database.connect_as_app().await;
    let partition = "select relname from pg_class where relispartition and relkind = 'r' limit 1";
    let partition: String = client.query_one(partition, &[]).await.unwrap().get(0);
    let mut statements: Vec<String> = FORBIDDEN.map(str::to_owned).to_vec();
    for table in TENANT_TABLES {
        statements.extend(FORBIDDEN_ON_TABLES.map(|sql| sql.replace("TABLE", table)));
    }
    statements.push(format!("select * from {partition}"));
    statements.push(format!("insert into {partition} default values"));
    for statement in statements {
        let error = client.batch_execute(&statement).await.err();
        let error = error.unwrap_or_else(|| panic!("allowed: {statement}"));
        let code = error.code().unwrap().code();
        assert_eq!(code, "42501", "{statement}: {error:?}");
    }
    let client = vault.database.connect().await;
    let owned = "select count(*) from pg_class c join pg_roles r on r.oid = c.relowner \
                 where rolname = 'strongroom_app'";
    let owned: i64 = client.query_one(owned, &[]).await.unwrap().get(0);
    assert_eq!(owned, 0);
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

#[tokio::test]
async fn organizations_do_not_meet_through_the_api() {
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

#[tokio::test]
async fn deleting_all_spares_other_organizations() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let api = &vault.admin;
    let theirs = other.create("theirs").await;
    api.create("mine").await;
    // Copies of one row, which is possible because rows are deleted without opening them.
    let client = vault.database.connect().await;
    let copied = "insert into credentials \
         select org_id, gen_random_uuid(), provider, cred_type, label, version, \
           key_generation, wrapped_key, sealed_blob, updated_at \
         from credentials, generate_series(1, 2500) where org_id = $1";
    let org: uuid::Uuid = api.org.parse().unwrap();
    client.execute(copied, &[&org]).await.unwrap();
    let all = "deleteAll=true&purge=true";
    assert_eq!(api.delete(all).await.status(), 204);
    assert_eq!(api.list().await.len(), 0);
    let left = "select count(*) from credentials where org_id = $1";
    let recorded =
        "select count(*) from audit_events where org_id = $1 and action = 'credential.delete'";
    for (query, expected) in [(left, 0), (recorded, 2501)] {
        let count: i64 = client.query_one(query, &[&org]).await.unwrap().get(0);
        assert_eq!(count, expected, "{query}");
    }
    assert_eq!(other.secret(&theirs).await["api_key"], "theirs");
}
