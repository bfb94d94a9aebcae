//! Rotations, backups, prunes and shredding cover all values.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, Database, TestVault, eventually};

use tempfile::TempDir;

use super::{delete, get, has_all, keep, problems, restore, with_history};
use crate::audit_prune::{now, split};
use crate::safe::Safe;

#[tokio::test]
async fn a_rotation_moves_and_re_encrypts_every_value() {
    let vault = TestVault::start().await;
    let (api, org) = (&vault.admin, vault.admin.org.as_str());
    keep(api).await;
    let (id, gone) = (with_history(api).await, with_history(api).await);
    delete(api, &format!("credentialId={gone}")).await;
    let database = vault.database.connect().await;
    let sealed = async || {
        let sql = "select sealed_blob from credential_versions where cred_id = $1::text::uuid \
                   order by value_version";
        let rows = database.query(sql, &[&id]).await.unwrap();
        let blobs = rows.iter().map(|row| row.get::<_, Vec<u8>>(0));
        blobs.collect::<Vec<_>>()
    };
    let first = sealed().await;
    vault.run(&["rotate", "org", "--org", org]).assert_success();
    assert_eq!(sealed().await, first);
    has_all(api, &id).await;
    let again = ["rotate", "org", "--org", org, "--re-encrypt"];
    vault.run(&again).assert_success();
    let second = sealed().await;
    assert!(first.iter().zip(&second).all(|(one, other)| one != other));
    for generation in ["1", "2"] {
        let retire = ["rotate", "retire", "--org", org, "--generation", generation];
        vault.run(&retire).assert_success();
    }
    has_all(api, &id).await;
    assert_eq!(restore(api, &gone).await, 204);
    has_all(api, &gone).await;
    assert_eq!(problems(&vault), Vec::<String>::new());
}

#[tokio::test]
async fn a_backup_has_every_value_and_deletion() {
    let mut vault = TestVault::start().await;
    let safe = Safe::new();
    keep(&vault.admin).await;
    let (id, gone) = {
        let api = &vault.admin;
        (with_history(api).await, with_history(api).await)
    };
    delete(&vault.admin, &format!("credentialId={gone}")).await;
    user_twice(&vault.admin).await;
    assert!(safe.back_up(&vault, "all", &[]).success);
    let database = Database::create().await;
    safe.restore(&vault, &database, "all", &[]).assert_success();
    vault.database = database;
    assert_eq!(problems(&vault), Vec::<String>::new());
    vault.replace_server(&[]).await;
    let api = &vault.admin;
    has_all(api, &id).await;
    assert_eq!(restore(api, &gone).await, 204);
    has_all(api, &gone).await;
}

/// A user of the Pieces API whose key was deleted, and who has another one.
async fn user_twice(api: &Api) {
    let change = async |what: &str, open_ai: Value| {
        let path = format!("/external_provider/api_key/{what}");
        let body = json!({"user": "ann", "open_AI": open_ai});
        let request = api.request(Method::POST, &path).json(&body);
        assert_eq!(request.send().await.unwrap().status(), 200, "{what}");
    };
    change("create", json!({"api_key": "one"})).await;
    change("delete", json!(true)).await;
    change("create", json!({"api_key": "two"})).await;
}

#[tokio::test]
async fn a_row_that_was_lost_comes_back_and_a_deleted_one_does_not() {
    let vault = TestVault::start().await;
    let (api, safe) = (&vault.admin, Safe::new());
    keep(api).await;
    let ids = [
        with_history(api).await,
        with_history(api).await,
        with_history(api).await,
    ];
    let [restored, gone, purged] = &ids;
    for id in &ids {
        delete(api, &format!("credentialId={id}")).await;
    }
    assert_eq!(restore(api, restored).await, 204);
    assert!(safe.back_up(&vault, "all", &[]).success);
    delete(api, &format!("credentialId={purged}&purge=true")).await;
    let database = vault.database.connect().await;
    let lost = "delete from credentials; update credential_versions set stage = null";
    database.batch_execute(lost).await.unwrap();
    let again = safe.restore(&vault, &vault.database, "all", &["--keep-newer"]);
    again.assert_success();
    has_all(api, restored).await;
    assert_eq!(restore(api, gone).await, 204);
    has_all(api, gone).await;
    assert_eq!(restore(api, purged).await, 404);
    assert_eq!(problems(&vault), Vec::<String>::new());
}

#[tokio::test]
async fn former_values_beyond_a_lower_number_are_removed() {
    let vault = TestVault::start_with(&[("STRONGROOM_PURGE_INTERVAL", "1s")]).await;
    let api = &vault.admin;
    keep(api).await;
    let id = with_history(api).await;
    let settings = json!({"versions_kept": 1});
    api.call(Method::PATCH, "/organizations/config", &settings, 204)
        .await;
    let limit = Duration::from_secs(30);
    eventually("the oldest value is removed", limit, async || {
        get(api, &id, "value_version=1").await.status() == 404
    })
    .await;
    for query in ["stage=previous", "stage=pending", "stage=current"] {
        assert_eq!(get(api, &id, query).await.status(), 200, "{query}");
    }
    assert_eq!(problems(&vault), Vec::<String>::new());
}

#[tokio::test]
async fn shredding_an_organization_leaves_no_value() {
    let vault = TestVault::start().await;
    let (api, _) = vault.new_organization("doomed");
    keep(&api).await;
    let gone = with_history(&api).await;
    with_history(&api).await;
    delete(&api, &format!("credentialId={gone}")).await;
    let doomed = ["org", "delete", "--org", &api.org, "--now", "--yes"];
    vault.run(&doomed).assert_success();
    let database = vault.database.connect().await;
    for table in ["credentials", "credential_versions"] {
        let sql = format!("select count(*) from {table} where org_id = $1::text::uuid");
        let left: i64 = database.query_one(&sql, &[&api.org]).await.unwrap().get(0);
        assert_eq!(left, 0, "{table}");
    }
}

#[tokio::test]
async fn what_was_deleted_before_a_prune_can_be_restored_after_it() {
    let vault = TestVault::start_unsharded().await;
    let api = &vault.admin;
    keep(api).await;
    let id = with_history(api).await;
    delete(api, &format!("credentialId={id}")).await;
    let database = vault.database.connect().await;
    let cut = now(&database).await;
    split(&database, &cut).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("out");
    let file = file.to_str().unwrap();
    let prune = ["audit", "prune", "--before", &cut, "--output", file];
    vault.run(&prune).assert_success();
    let old = format!(
        "select count(*) from audit_events where action = 'credential.delete' and at < '{cut}'"
    );
    let left: i64 = database.query_one(&old, &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
    assert_eq!(problems(&vault), Vec::<String>::new());
    assert_eq!(restore(api, &id).await, 204);
    has_all(api, &id).await;
    vault.run(&["audit", "verify"]).assert_success();
    assert_eq!(problems(&vault), Vec::<String>::new());
}
