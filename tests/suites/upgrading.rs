//! Servers of two versions on one schema, as during an upgrade.

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_e2e::{Api, TestVault, eventually, failure, run};
use tokio_postgres::Client;

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

/// The generation of the service key of the newest event; `None` in the first format.
async fn newest_proof_key(database: &Client) -> Option<i32> {
    let newest = "select proof_key from audit_events order by at desc, seq desc limit 1";
    database.query_one(newest, &[]).await.unwrap().get(0)
}

/// The blobs that the first format sealed are counted until they are sealed again.
fn a_rotation_binds_labels(vault: &TestVault) {
    let unbound = || vault.run(&["verify", "--json"]).json()["unbound_labels"].clone();
    assert!(unbound().as_i64().unwrap() > 0);
    vault
        .run(&["verify"])
        .assert_prints("did not bind their label");
    let lift = ["rotate", "org", "--org", &vault.admin.org, "--re-encrypt"];
    vault.run(&lift).assert_success();
    assert_eq!(unbound(), 0);
}

/// The job that records the state of every organization in the newest format.
async fn organizations_are_attested(vault: &TestVault, database: &Client) {
    vault.server.wait_for_log("all organizations are attested");
    let generation = "select details::json->>'generation' from audit_events \
                      where action = 'organization.attest'";
    let attested = database.query(generation, &[]).await.unwrap();
    let attested: Vec<String> = attested.iter().map(|row| row.get(0)).collect();
    assert_eq!(attested, ["2"]);
    // From then on, a generation that no event made active is refused.
    let remove = "create table kept as table audit_events; delete from audit_events \
                  where action like 'organization.%'; update org_keys set active = active";
    database.batch_execute(remove).await.unwrap();
    let found = vault.run(&["verify", "--json"]);
    assert!(!found.success);
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    let problems: Vec<_> = found["findings"].as_array().unwrap().iter().collect();
    assert!(
        problems.iter().any(|one| one["problem"] == "key_unproved"),
        "{found}"
    );
    let undo = "insert into audit_events select * from kept where action like 'organization.%'";
    database.batch_execute(undo).await.unwrap();
}

/// A database as an earlier version leaves it, with a report of a server of that version.
async fn vault_of_an_earlier_version() -> (TestVault, Client) {
    let mut vault = TestVault::start().await;
    let database = vault.database.connect().await;
    let before = "update record_format set format = 1; \
         delete from audit_events; delete from api_keys; delete from org_keys; \
         delete from organizations; \
         insert into servers (server_id, name, started_at, seen_at, root_keys) \
         select gen_random_uuid(), 'earlier', now(), now() + interval '4 minutes', root_keys \
         from servers limit 1";
    let limit = Duration::from_secs(30);
    eventually("the server has reported", limit, async || {
        let reported = database.query("select from servers", &[]).await.unwrap();
        !reported.is_empty()
    })
    .await;
    database.batch_execute(before).await.unwrap();
    (vault.admin, vault.member) = vault.new_organization("old");
    vault
        .replace_server(&[("STRONGROOM_SCRUB_INTERVAL", "2s")])
        .await;
    (vault, database)
}

/// While a server of an earlier version runs, which could not read them, no record has the new
/// format.
#[tokio::test]
async fn the_record_format_advances_when_every_server_reads_it() {
    let (vault, database) = vault_of_an_earlier_version().await;
    let limit = Duration::from_secs(30);
    eventually("events have the first format", limit, async || {
        vault.admin.create("k").await;
        newest_proof_key(&database).await.is_none()
    })
    .await;
    let format = "select format from record_format";
    let format = async || {
        database
            .query_one(format, &[])
            .await
            .unwrap()
            .get::<_, i32>(0)
    };
    assert_eq!(format().await, 1);
    // What the first format cannot say is not recorded.
    let org = vault.admin.org.as_str();
    vault.run(&["rotate", "org", "--org", org]).assert_success();
    vault.run(&["org", "delete", "--org", org]).assert_success();
    vault
        .run(&["org", "restore", "--org", org])
        .assert_success();
    let details =
        "select count(*) from audit_events where proof_key is null and details is not null";
    let details: i64 = database.query_one(details, &[]).await.unwrap().get(0);
    assert_eq!(details, 0);
    vault.run(&["audit", "verify"]).assert_prints("intact");

    let stopped = "delete from servers where name = 'earlier'";
    database.batch_execute(stopped).await.unwrap();
    eventually("events have the second format", limit, async || {
        vault.admin.create("k").await;
        newest_proof_key(&database).await == Some(1)
    })
    .await;
    assert_eq!(format().await, 7);
    organizations_are_attested(&vault, &database).await;
    vault.run(&["audit", "verify"]).assert_prints("intact");
    a_rotation_binds_labels(&vault);
}
