//! Servers of two versions on one schema, as during an upgrade.

use std::time::Duration;

use serde_json::json;
use strongroom_e2e::{Api, TestVault, eventually, failure, run};

/// Expansions of the schema, which a later version may make while this one is running.
const EXPANDED: &str = "\
    alter table credentials add column later text;
    alter table audit_events add column later integer default 7;
    alter table organizations add column later boolean not null default false;
    create table later (org_id uuid not null, id uuid not null, primary key (org_id, id));
    select strongroom_tenant_table('later');
    insert into schema_migrations (version, name, applied_on, checksum)
        select 9999, 'later', applied_on, checksum from schema_migrations limit 1;";

async fn works(api: &Api) {
    let id = api.create("secret").await;
    let body = json!({"json_blob": {"api_key": "changed"}});
    assert_eq!(api.patch(&id, &body).await.status(), 204);
    assert_eq!(api.secret(&id).await["api_key"], "changed");
    assert_eq!(api.list().await.len(), 1);
    let query = format!("credentialId={id}");
    assert_eq!(api.delete(&query).await.status(), 204);
}

#[tokio::test]
async fn a_server_goes_on_and_starts_on_a_schema_newer_than_itself() {
    let vault = TestVault::start().await;
    let kept = vault.admin.create("kept").await;
    let client = vault.database.connect().await;
    client.batch_execute(EXPANDED).await.unwrap();
    let (one, _) = vault.new_organization("one");
    works(&one).await;
    let started = vault.start_server(&[]);
    vault.ready(&started.url()).await;
    works(&one.at(&started.url())).await;
    let kept = vault.admin.at(&started.url()).secret(&kept).await;
    assert_eq!(kept["api_key"], "kept");
    for command in [&["verify"][..], &["audit", "verify"]] {
        let finished = vault.run(command);
        assert!(finished.success, "{}{}", finished.stdout, finished.stderr);
    }
    // `migrate` of an older version applies nothing, and reverts nothing.
    let url = vault.database.superuser_url();
    let migrate = run(&["migrate", "--json"], &[("STRONGROOM_DATABASE_URL", &url)]);
    assert_eq!(migrate.json()["applied"], json!([]));
    let columns = "select later from credentials limit 1";
    client.query(columns, &[]).await.unwrap();
}

#[tokio::test]
async fn a_server_newer_than_the_schema_waits_for_the_migration() {
    let vault = TestVault::start().await;
    let client = vault.database.connect().await;
    // Hides the last migration, so that the program has one more than the database.
    let hide = "update schema_migrations set version = version + 1000 \
                where version = (select max(version) from schema_migrations)";
    client.batch_execute(hide).await.unwrap();
    let newer = vault.start_server(&[]);
    newer.wait_for_log("strongroom migrate");
    let api = vault.admin.at(&newer.url());
    failure(api.get("/readyz").await, 503).await;
    vault.admin.create("the older server goes on").await;
    let show = "update schema_migrations set version = version - 1000 where version > 1000";
    client.batch_execute(show).await.unwrap();
    let limit = Duration::from_secs(15);
    eventually("the newer server is ready", limit, async || {
        api.get("/readyz").await.status() == 200
    })
    .await;
    assert_eq!(api.list().await.len(), 1);
}
