//! Deletion, restoration and destruction of organizations.

use std::time::Duration;

use strongroom_e2e::{TestVault, eventually};

#[tokio::test]
async fn a_deleted_organization_is_refused_and_can_be_restored() {
    let vault = TestVault::start().await;
    let second = vault.start_server(&[]);
    vault.ready(&second.url()).await;
    let elsewhere = vault.admin.at(&second.url());
    let id = vault.admin.create("secret").await;
    assert_eq!(elsewhere.reveal(&id).await.status(), 200);
    let org = vault.admin.org.clone();

    vault
        .run(&["org", "delete", "--org", &org])
        .assert_prints("backup");
    let limit = Duration::from_secs(2);
    eventually("every server refuses it", limit, async || {
        elsewhere.reveal(&id).await.status() == 401 && vault.admin.reveal(&id).await.status() == 401
    })
    .await;
    assert!(!vault.run(&["org", "delete", "--org", &org]).success);
    let args = [
        "key", "create", "--org", &org, "--role", "admin", "--name", "n",
    ];
    assert!(!vault.run(&args).success);

    assert!(vault.run(&["org", "restore", "--org", &org]).success);
    let limit = Duration::from_secs(6);
    eventually("the organization is restored", limit, async || {
        elsewhere.reveal(&id).await.status() == 200
    })
    .await;
    assert!(!vault.run(&["org", "restore", "--org", &org]).success);
}

#[tokio::test]
async fn a_destroyed_organization_leaves_nothing_that_opens() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let kept = other.create("kept").await;
    let id = vault.admin.create("gone").await;
    let database = vault.database.connect().await;
    let copy = "create table backup as select * from credentials; \
                create table backup_keys as select * from api_keys";
    database.batch_execute(copy).await.unwrap();

    let org = vault.admin.org.clone();
    let destroyed = vault
        .run(&["org", "delete", "--org", &org, "--now", "--yes", "--json"])
        .json();
    assert_eq!(destroyed["destroyed"], true);
    assert!(!vault.run(&["org", "restore", "--org", &org]).success);
    for table in ["org_keys", "credentials"] {
        let sql = format!("select count(*) from {table} where org_id = $1::text::uuid");
        let rows: i64 = database.query_one(&sql, &[&org]).await.unwrap().get(0);
        assert_eq!(rows, 0, "{table}");
    }
    let events = "select count(*) from audit_events where org_id = $1::text::uuid";
    let events: i64 = database.query_one(events, &[&org]).await.unwrap().get(0);
    assert!(events >= 5, "{events}");

    // Rows that are put back from a copy give no access.
    database
        .batch_execute(
            "update organizations \
               set deleted_at = null, destroy_after = null, destroyed_at = null; \
             delete from api_keys; insert into api_keys select * from backup_keys; \
             insert into credentials select * from backup on conflict do nothing",
        )
        .await
        .unwrap();
    assert_eq!(vault.admin.reveal(&id).await.status(), 401);
    vault
        .server
        .wait_for_log("the deletion of an organization was undone in the database");
    assert_eq!(other.reveal(&kept).await.status(), 200);
}

#[tokio::test]
async fn keys_are_destroyed_when_the_grace_period_ends() {
    let vault = TestVault::start().await;
    let org = vault.admin.org.clone();
    vault.admin.create("secret").await;
    assert!(
        vault
            .run(&["org", "delete", "--org", &org, "--grace", "1s"])
            .success
    );
    let database = vault.database.connect().await;
    let limit = Duration::from_secs(20);
    let (keys, rows) = ("select from org_keys", "select from credentials");
    eventually("a server destroys the keys", limit, async || {
        let keys = database.query(keys, &[]).await.unwrap();
        let rows = database.query(rows, &[]).await.unwrap();
        keys.is_empty() && rows.is_empty()
    })
    .await;
    let listed = vault.run(&["org", "list", "--json"]).json();
    assert!(listed[0]["destroyed_at"].is_string(), "{listed}");
}

/// Destruction cannot be undone: the row alone does not decide when it is due.
#[tokio::test]
async fn an_edited_row_does_not_hasten_the_destruction() {
    let vault = TestVault::start_unsharded().await;
    let org = vault.admin.org.clone();
    vault
        .run(&["org", "delete", "--org", &org])
        .assert_success();
    let database = vault.database.connect().await;
    let keys = async || {
        database
            .query("select org_id from org_keys", &[])
            .await
            .unwrap()
            .len()
    };
    let due = "update organizations set destroy_after = now() - interval '1 day'";
    database.batch_execute(due).await.unwrap();
    vault
        .server
        .wait_for_log("destruction is not the one in its audit trail");
    assert_eq!(keys().await, 1);
    // An event that says the same was not recorded by a server.
    let due = "select jsonb_build_object('destroy_after', \
         to_char(destroy_after at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))::text \
         from organizations";
    let due: String = database.query_one(due, &[]).await.unwrap().get(0);
    let forged = "update audit_events set details = $1 where action = 'organization.delete'";
    database.execute(forged, &[&due]).await.unwrap();
    vault.server.wait_for_log("was altered or inserted");
    let again = "update organizations set deleted_at = deleted_at - interval '1 year'";
    database.batch_execute(again).await.unwrap();
    assert_eq!(keys().await, 1);
}

#[tokio::test]
async fn anonymous_callers_of_a_deleted_organization_are_refused() {
    let vault = TestVault::start().await;
    let server = vault.start_server(&[("STRONGROOM_ANONYMOUS_ORG", &vault.admin.org)]);
    vault.ready(&server.url()).await;
    let api = vault.admin.at(&server.url());
    // With `false`, delete only reads.
    let ask = async |operation: &str, open_ai: serde_json::Value| {
        let path = format!("/external_provider/api_key/{operation}");
        let body = serde_json::json!({"user": "u", "open_AI": open_ai});
        let request = api.bare(reqwest::Method::POST, &path).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    let both = async || {
        let key = serde_json::json!({"api_key": "k"});
        [ask("create", key).await, ask("delete", false.into()).await]
    };
    assert_eq!(both().await, [200, 200]);
    assert!(
        vault
            .run(&["org", "delete", "--org", &vault.admin.org])
            .success
    );
    assert_eq!(both().await, [401, 401]);
    assert!(
        vault
            .run(&["org", "restore", "--org", &vault.admin.org])
            .success
    );
    assert_eq!(both().await, [200, 200]);
}
