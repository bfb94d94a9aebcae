//! `strongroom restore --undo` puts back what was changed or deleted after a backup.

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, Finished, TestVault, api_key};

use super::{delete, get, keep, problems, restore, set};
use crate::safe::Safe;

fn undo(vault: &TestVault, safe: &Safe, more: &[&str]) -> Finished {
    let org = vault.admin.org.clone();
    let mut args = vec!["--undo", "--org", &org];
    args.extend_from_slice(more);
    safe.restore(vault, &vault.database, "all", &args)
}

fn undone(vault: &TestVault, safe: &Safe, more: &[&str]) -> Value {
    let mut args = vec!["--json", "--yes"];
    args.extend_from_slice(more);
    undo(vault, safe, &args).json()
}

/// The steps of the answer of an undo, by credential.
fn steps(answer: &Value) -> Vec<(&str, &str)> {
    let steps = answer.get("undo").and_then(Value::as_array);
    let steps = steps.into_iter().flatten().map(|one| {
        let member = |name: &str| one[name].as_str().unwrap();
        (member("credential_id"), member("step"))
    });
    steps.collect()
}

async fn secret(api: &Api, id: &str) -> Value {
    let revealed = api.reveal(id).await;
    assert_eq!(revealed.status(), 200, "{id}");
    let body: Value = revealed.json().await.unwrap();
    body["result"]["json_blob"]["api_key"].clone()
}

#[tokio::test]
async fn what_was_changed_or_deleted_is_put_back() {
    let vault = TestVault::start().await;
    let (api, safe) = (&vault.admin, Safe::new());
    keep(api).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(api.create("then").await);
    }
    let [same, changed, deleted, both, gone] = ids.as_slice() else {
        unreachable!()
    };
    assert!(safe.back_up(&vault, "all", &[]).success);
    let nothing = undo(&vault, &safe, &["--yes"]);
    nothing.assert_prints("nothing to put back; 5");

    set(api, changed, "wrong").await;
    set(api, both, "wrong").await;
    for id in [deleted, both] {
        delete(api, &format!("credentialId={id}")).await;
    }
    delete(api, &format!("credentialId={gone}&purge=true")).await;
    let new = api.create("later").await;
    let expected = [
        (changed.as_str(), "change"),
        (deleted, "restore"),
        (both, "restore_and_change"),
        (gone, "create"),
    ];
    let shown = undo(&vault, &safe, &["--dry-run", "--json"]).json();
    assert_eq!(steps(&shown), expected);
    assert_eq!(secret(api, changed).await, "wrong");
    // There is no terminal on which to ask.
    undo(&vault, &safe, &[]).assert_refused("--yes");

    let answer = undone(&vault, &safe, &[]);
    assert_eq!(steps(&answer), expected);
    assert_eq!(answer["put_back"], 4);
    for id in &ids {
        assert_eq!(secret(api, id).await, "then");
    }
    assert_eq!(secret(api, &new).await, "later");
    // What was changed is a former value now.
    let previous = get(api, changed, "stage=previous").await;
    let previous: Value = previous.json().await.unwrap();
    assert_eq!(previous["result"]["json_blob"]["api_key"], "wrong");
    assert_eq!(undone(&vault, &safe, &[])["put_back"], 0);
    assert_eq!(secret(api, same).await, "then");
    assert_eq!(problems(&vault), Vec::<String>::new());
    goes_on(&vault, gone).await;
}

/// A credential that was created again can be changed, deleted and restored like any other.
async fn goes_on(vault: &TestVault, id: &str) {
    let api = &vault.admin;
    set(api, id, "again").await;
    delete(api, &format!("credentialId={id}")).await;
    assert_eq!(restore(api, id).await, 204);
    assert_eq!(problems(vault), Vec::<String>::new());
    vault.run(&["audit", "verify"]).assert_success();
}

#[tokio::test]
async fn only_named_credentials_are_put_back_with_label_and_expiry() {
    let vault = TestVault::start().await;
    let (api, safe) = (&vault.admin, Safe::new());
    let mut body = api_key("secret");
    body["extcred_label"] = "label".into();
    body["expires_at"] = "2040-01-01T00:00:00Z".into();
    let (one, other) = (api.create_from(&body).await, api.create_from(&body).await);
    assert!(safe.back_up(&vault, "all", &[]).success);
    let change = json!({"extcred_label": "wrong", "expires_at": null});
    for id in [&one, &other] {
        assert_eq!(api.patch(id, &change).await.status(), 204);
    }
    let unknown = "01900000-0000-7000-8000-000000000001";
    let named = ["--yes", "--credential", &one, "--credential", unknown];
    undo(&vault, &safe, &named).assert_refused("the backup lacks 1 of the credentials");
    let answer = undone(&vault, &safe, &["--credential", &one]);
    assert_eq!(steps(&answer), [(one.as_str(), "change")]);
    let listed = api.list().await;
    let of = |id: &str, member: &str| {
        let mut listed = listed.iter();
        let found = listed.find(|entry| entry["external_cred_id"] == id);
        found.unwrap().get(member).cloned()
    };
    assert_eq!(of(&one, "extcred_label"), Some("label".into()));
    assert_eq!(of(&one, "expires_source"), Some("caller".into()));
    assert_eq!(
        of(&one, "expires_at"),
        Some("2040-01-01T00:00:00.000000Z".into())
    );
    assert_eq!(of(&one, "value_version"), Some(1.into()));
    assert_eq!(of(&other, "extcred_label"), Some("wrong".into()));
}

#[tokio::test]
async fn what_was_deleted_at_the_time_of_the_backup_is_put_back_by_its_id_alone() {
    let vault = TestVault::start().await;
    let (api, safe) = (&vault.admin, Safe::new());
    let other = api.create("secret").await;
    delete(api, &format!("credentialId={other}")).await;
    assert!(safe.back_up(&vault, "later", &[]).success);
    delete(api, &format!("credentialId={other}&purge=true")).await;
    let later = |more: &[&str]| {
        let mut args = vec!["--undo", "--json", "--yes", "--org", &api.org];
        args.extend_from_slice(more);
        safe.restore(&vault, &vault.database, "later", &args).json()
    };
    assert_eq!(later(&[])["put_back"], 0);
    assert_eq!(
        steps(&later(&["--credential", &other])),
        [(other.as_str(), "create")]
    );
    assert_eq!(secret(api, &other).await, "secret");
    assert_eq!(problems(&vault), Vec::<String>::new());
}

#[tokio::test]
async fn values_of_retired_keys_come_back_and_taken_users_and_lost_rows_do_not() {
    let vault = TestVault::start().await;
    let (api, safe) = (&vault.admin, Safe::new());
    let org = api.org.as_str();
    let id = api.create("then").await;
    let user = async |what: &str, open_ai: Value| {
        let path = format!("/external_provider/api_key/{what}");
        let body = json!({"user": "ann", "open_AI": open_ai});
        api.request(Method::POST, &path)
            .json(&body)
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(user("create", json!({"api_key": "one"})).await, 200);
    assert!(safe.back_up(&vault, "all", &[]).success);
    set(api, &id, "wrong").await;
    vault.run(&["rotate", "org", "--org", org]).assert_success();
    let retire = ["rotate", "retire", "--org", org, "--generation", "1"];
    vault.run(&retire).assert_success();
    assert_eq!(undone(&vault, &safe, &["--credential", &id])["put_back"], 1);
    assert_eq!(secret(api, &id).await, "then");

    assert_eq!(user("delete", json!(true)).await, 200);
    assert_eq!(user("create", json!({"api_key": "two"})).await, 200);
    let taken = undo(&vault, &safe, &["--yes"]);
    assert!(!taken.success);
    assert!(
        taken.stderr.contains("0 of 1 were put back"),
        "{}",
        taken.stderr
    );
    assert_eq!(problems(&vault), Vec::<String>::new());

    let database = vault.database.connect().await;
    let sql = format!("delete from credentials where cred_id = '{id}'");
    database.batch_execute(&sql).await.unwrap();
    undo(&vault, &safe, &["--yes"]).assert_refused("missing in the database, and were not deleted");
    let path = format!("{CREDENTIALS}/{id}");
    assert_eq!(api.get(&path).await.status(), 404);
}
