//! What is past its window is purged.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use strongroom_e2e::{Database, TestVault, eventually};
use tempfile::TempDir;

use super::{delete, keep, problems, restore, with_history};
use crate::faults::clock::wrong_clock;

#[tokio::test]
#[allow(clippy::print_stdout, reason = "reports a skipped test")]
async fn a_deleted_credential_is_purged_when_its_window_ends() {
    let folder = TempDir::with_prefix("strongroom-clock-").unwrap();
    let file = folder.path().join("clock");
    let set = |offset: &str| std::fs::write(&file, offset).unwrap();
    set("+0");
    let Some(variables) = wrong_clock(file.to_str().unwrap()) else {
        println!("skipped: libfaketime is missing (Debian's package faketime)");
        return;
    };
    let owned = variables.iter();
    let mut variables: Vec<_> = owned.map(|(a, b)| (a.as_str(), b.as_str())).collect();
    variables.push(("STRONGROOM_PURGE_INTERVAL", "1s"));
    let vault = TestVault::start_on(Database::create().await, &variables).await;
    let api = &vault.admin;
    keep(api).await;
    let (gone, live) = (with_history(api).await, with_history(api).await);
    delete(api, &format!("credentialId={gone}")).await;
    let limit = Duration::from_secs(60);
    let deleted = "strongroom_credentials_deleted";
    eventually("it is counted", limit, async || {
        api.metric(deleted).await == Some(1.0)
    })
    .await;
    set("+6d");
    assert_eq!(restore(api, &gone).await, 204);
    delete(api, &format!("credentialId={gone}")).await;
    // The window of the second deletion ends a week after that.
    set("+14d");
    let database = vault.database.connect().await;
    let count = async |table: &str| {
        let sql = format!("select count(*) from {table} where cred_id = $1::text::uuid");
        let row = database.query_one(&sql, &[&gone]).await.unwrap();
        row.get::<_, i64>(0)
    };
    eventually("it is purged", limit, async || {
        count("credentials").await == 0
    })
    .await;
    assert_eq!(count("credential_versions").await, 0);
    assert_eq!(restore(api, &gone).await, 404);
    assert_eq!(api.reveal(&live).await.status(), 200);
    assert_eq!(problems(&vault), Vec::<String>::new());
    let path =
        format!("/organizations/config/audit-events?credential_id={gone}&action=credential.delete");
    let purged = api.call(Method::GET, &path, &Value::Null, 200).await;
    assert_eq!(purged[0]["details"]["purged"], true);
    assert_eq!(purged[0]["actor"], "operator");
    eventually("nothing is due", limit, async || {
        api.metric(deleted).await == Some(0.0)
            && api.metric("strongroom_credentials_purge_due").await == Some(0.0)
    })
    .await;
}
