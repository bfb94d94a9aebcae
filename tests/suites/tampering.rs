//! Rows that an attacker altered in the database never give wrong plaintext or further rights.

use serde_json::json;
use strongroom_e2e::{Api, TestVault, failure};
use tokio_postgres::Client;

/// Alters one credential with `statement`, in which `ID` and `OTHER` stand for the ids of two
/// credentials. Checks that it neither opens nor can be changed, and that both are recorded.
async fn spoils(vault: &TestVault, client: &Client, statement: &str) {
    let api = &vault.admin;
    let id = api.create("canary-one").await;
    let other = api.create("canary-two").await;
    // From the second reveal on, the row is in the server's memory.
    for _ in 0..2 {
        assert_eq!(api.secret(&id).await["api_key"], "canary-one");
    }
    let statement = statement
        .replace("'ID'", &format!("'{id}'"))
        .replace("OTHER", &other)
        .replace("ORG", &api.org);
    let changed = client.execute(&statement, &[]).await.unwrap();
    assert_eq!(changed, 1, "{statement}");
    let answers = [
        api.reveal(&id).await,
        api.patch(&id, &json!({"extcred_label": "x"})).await,
        api.patch(
            &id,
            &json!({"json_blob": {"api_key": "new", "username": "u", "password": "p"}}),
        )
        .await,
    ];
    for answer in answers {
        let failed = failure(answer, 500).await;
        assert_eq!(failed.errors[0].1, "integrity_failure", "{statement}");
        assert!(!failed.body.to_string().contains("canary"), "{statement}");
    }
    let recorded = format!(
        "select count(*) from audit_events where cred_id = '{id}' and outcome = 'integrity_failure'"
    );
    let recorded: i64 = client.query_one(&recorded, &[]).await.unwrap().get(0);
    assert_eq!(recorded, 3, "{statement}");
    assert_eq!(api.secret(&other).await["api_key"], "canary-two");
    assert_eq!(api.delete("deleteAll=true").await.status(), 204);
}

#[tokio::test]
async fn a_row_that_was_altered_does_not_open() {
    let vault = TestVault::start().await;
    let client = vault.database.connect().await;
    let flip = |column: &str, at: &str| {
        format!(
            "update credentials \
             set {column} = set_byte({column}, {at}, get_byte({column}, {at}) # 1) \
             where cred_id = 'ID'"
        )
    };
    let last = |column: &str| format!("length({column}) - 1");
    let take = |columns: &str| {
        format!(
            "update credentials set ({columns}) = (select {columns} from credentials \
               where org_id = 'ORG' and cred_id = 'OTHER') where org_id = 'ORG' and cred_id = 'ID'"
        )
    };
    let set = |what: &str| format!("update credentials set {what} where cred_id = 'ID'");
    let statements = [
        flip("sealed_blob", "0"),
        flip("sealed_blob", "20"),
        flip("sealed_blob", &last("sealed_blob")),
        flip("wrapped_key", "0"),
        flip("wrapped_key", "20"),
        flip("wrapped_key", &last("wrapped_key")),
        take("sealed_blob"),
        take("wrapped_key"),
        take("sealed_blob, wrapped_key"),
        set("version = version + 1"),
        set("provider = 'google'"),
        set("cred_type = 'user_pass'"),
        set("key_generation = 2"),
        set("sealed_blob = ''"),
        set("wrapped_key = ''"),
        set("sealed_blob = substr(sealed_blob, 1, 12)"),
    ];
    for statement in statements {
        spoils(&vault, &client, &statement).await;
    }
}

#[tokio::test]
async fn a_row_moved_to_another_organization_or_id_does_not_open() {
    let vault = TestVault::start().await;
    let client = vault.database.connect().await;
    let (thief, _) = vault.new_organization("thief");
    thief.create("warms the thief's keys").await;
    let id = vault.admin.create("canary").await;
    let copy = |org: &str, id: &str| {
        format!(
            "insert into credentials select {org}, {id}, provider, cred_type, label, version, \
               key_generation, wrapped_key, sealed_blob, updated_at \
             from credentials where label = '' and org_id = '{}' limit 1",
            vault.admin.org
        )
    };
    let statement = copy(&format!("'{}'", thief.org), &format!("'{id}'"));
    client.execute(&statement, &[]).await.unwrap();
    let failed = failure(thief.reveal(&id).await, 500).await;
    assert_eq!(failed.errors[0].1, "integrity_failure");
    // A copy of the organization's key does not help, because it is bound to its organization.
    let key = "select encode(wrapped_key, 'hex') from org_keys where org_id = $1::text::uuid";
    let key = client.query_one(key, &[&vault.admin.org]).await.unwrap();
    let take_key = format!(
        "update org_keys set wrapped_key = '\\x{}' where org_id = '{}'",
        key.get::<_, String>(0),
        thief.org
    );
    client.execute(&take_key, &[]).await.unwrap();
    let server = vault.start_server(&[]);
    vault.ready(&server.url()).await;
    let failed = failure(thief.at(&server.url()).reveal(&id).await, 500).await;
    assert_eq!(failed.errors[0].1, "integrity_failure");
    let moved = "0190a1b2-0000-7000-8000-0123456789ab";
    client
        .execute(&copy("org_id", &format!("'{moved}'")), &[])
        .await
        .unwrap();
    let failed = failure(vault.admin.reveal(moved).await, 500).await;
    assert_eq!(failed.errors[0].1, "integrity_failure");
    assert_eq!(vault.admin.secret(&id).await["api_key"], "canary");
}

/// Alters the API keys' rows with `statement`; returns the status of a list on a new server.
async fn after(vault: &TestVault, statement: &str, api: &Api) -> u16 {
    let client = vault.database.connect().await;
    assert!(
        client.execute(statement, &[]).await.unwrap() > 0,
        "{statement}"
    );
    let server = vault.start_server(&[]);
    vault.ready(&server.url()).await;
    api.at(&server.url())
        .get(strongroom_e2e::CREDENTIALS)
        .await
        .status()
        .as_u16()
}

#[tokio::test]
async fn an_api_keys_row_is_bound_to_what_it_allows() {
    let vault = TestVault::start().await;
    let (other, member) = vault.new_organization("other");
    let digest = "select encode(digest, 'hex') from api_keys \
                  where org_id = $1::text::uuid and role = 'admin'";
    let database = vault.database.connect().await;
    let digest = database.query_one(digest, &[&vault.admin.org]).await;
    let copy_digest = format!(
        "update api_keys set digest = '\\x{}' where org_id = '{}' and role = 'admin'",
        digest.unwrap().get::<_, String>(0),
        other.org
    );
    // Both the overwritten key and the copied one are refused for this organization.
    assert_eq!(after(&vault, &copy_digest, &other).await, 401);
    let stolen = Api::new(&vault.admin.url, &other.org, &vault.admin.key);
    assert_eq!(stolen.get(strongroom_e2e::CREDENTIALS).await.status(), 401);
    let promote = format!(
        "update api_keys set role = 'admin' where org_id = '{}'",
        other.org
    );
    assert_eq!(after(&vault, &promote, &member).await, 401);
    let extend = format!(
        "update api_keys set expires_at = now() + interval '1 year' where org_id = '{}'",
        vault.admin.org
    );
    assert_eq!(after(&vault, &extend, &vault.member).await, 401);
}
