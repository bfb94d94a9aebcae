//! The life of a policy: set, read, rotated, backed up, deleted.

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, Database, TestVault};
use tempfile::TempDir;

use super::support::{RELAY, get, policy_path, problems, put, stripe};
use crate::audit_prune::{now, split};
use crate::safe::Safe;

const UNKNOWN: &str = "01900000-0000-7000-8000-000000000001";

async fn errors(api: &Api, id: &str, policy: &Value) -> Vec<(String, String)> {
    let answer = api.request(Method::PUT, &policy_path(id)).json(policy);
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 400, "{policy}");
    let body: Value = answer.json().await.unwrap();
    let errors = body["errors"].as_array().unwrap().iter();
    let text = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    let pairs = errors.map(|error| (text(error, "field"), text(error, "code")));
    pairs.collect()
}

#[tokio::test]
async fn a_policy_is_set_read_changed_and_deleted() {
    let vault = TestVault::start_with(&[RELAY]).await;
    let api = &vault.admin;
    let id = api.create("sk_live_12345678").await;
    assert_eq!(get(api, &id).await.0, 404);
    let set = put(api, &id, &stripe()).await;
    assert_eq!(
        (&set["version"], &set["policy"]["scrub"]),
        (&json!(1), &json!("full"))
    );
    assert_eq!(get(api, &id).await, (200, set.clone()));
    // What was answered can be edited and sent back.
    let mut policy = set["policy"].clone();
    policy["scrub"] = json!("headers");
    assert_eq!(put(api, &id, &policy).await["version"], 2);
    assert_eq!(get(api, &id).await.1["policy"], policy);
    let delete = || api.request(Method::DELETE, &policy_path(&id)).send();
    for _ in 0..2 {
        assert_eq!(delete().await.unwrap().status(), 204);
        assert_eq!(get(api, &id).await.0, 404);
    }
    // No version comes again.
    assert_eq!(put(api, &id, &stripe()).await["version"], 4);
    assert!(problems(&vault).is_empty());

    let events = api
        .get("/organizations/config/audit-events?limit=100")
        .await;
    let events: Value = events.json().await.unwrap();
    let events = events["result"].as_array().unwrap().iter();
    let about = events.filter(|event| {
        let action = event["action"].as_str().unwrap();
        action.starts_with("relay_policy.") && action != "relay_policy.read"
    });
    let mut about: Vec<_> = about
        .map(|event| {
            (
                event["action"].as_str().unwrap(),
                event["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    about.sort_unstable();
    assert_eq!(
        about,
        [
            ("relay_policy.delete", "not_found"),
            ("relay_policy.delete", "ok"),
            ("relay_policy.put", "ok"),
            ("relay_policy.put", "ok"),
            ("relay_policy.put", "ok"),
        ]
    );
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_stored() {
    let vault = TestVault::start_with(&[RELAY]).await;
    let api = &vault.admin;
    let id = api.create("sk_live_12345678").await;
    let pair = |field: &str, code: &str| (field.to_owned(), code.to_owned());
    let wrong = json!({"hosts": ["10.0.0.1", "*.example.com"], "scrub": 1, "x": 2});
    assert_eq!(
        errors(api, &id, &wrong).await,
        [
            pair("hosts[0]", "invalid_value"),
            pair("hosts", "not_allowed"),
            pair("scrub", "wrong_type"),
            pair("x", "unknown_member"),
        ]
    );
    assert_eq!(get(api, &id).await.0, 404);
    for (policy, status) in [
        ("{", 400),
        ("{\"hosts\":[],\"hosts\":[]}", 400),
        ("[]", 400),
    ] {
        let answer = api.send(Method::PUT, &policy_path(&id), policy).await;
        assert_eq!(answer.status(), status, "{policy}");
    }
    let answer = api.send(Method::PUT, &policy_path(UNKNOWN), "{}").await;
    assert_eq!(answer.status(), 404);
    let google = json!({
        "extcred_provider": "google", "extcred_type": "api_key",
        "json_blob": {"api_key": "AIza-12345678"},
    });
    let google = api.create_from(&google).await;
    let set = put(api, &google, &json!({})).await;
    assert_eq!(set["policy"]["hosts"], json!(["*.googleapis.com"]));
    let client = json!({
        "extcred_provider": "generic", "extcred_type": "client_credentials",
        "json_blob": {"client_id": "i", "client_secret": "s2345678"},
    });
    let client = api.create_from(&client).await;
    let minting = json!({"hosts": ["a.example"]});
    let refused = [pair("token_url", "required")];
    assert_eq!(errors(api, &client, &minting).await, refused);
}

#[tokio::test]
async fn policies_are_set_by_writers_and_read_by_users() {
    let vault = TestVault::start_with(&[RELAY]).await;
    let id = vault.admin.create("sk_live_12345678").await;
    put(&vault.admin, &id, &stripe()).await;
    let org = &vault.admin.org;
    for (role, may_read, may_write) in [
        ("writer", 200, 200),
        ("relay", 200, 403),
        ("reader", 403, 403),
        ("member", 403, 403),
        ("auditor", 403, 403),
    ] {
        let key = vault.new_key(org, role);
        assert_eq!(get(&key, &id).await.0, may_read, "{role}");
        let put = key.request(Method::PUT, &policy_path(&id)).json(&stripe());
        assert_eq!(put.send().await.unwrap().status(), may_write, "{role}");
        if may_write == 403 {
            let delete = key.request(Method::DELETE, &policy_path(&id));
            assert_eq!(delete.send().await.unwrap().status(), 403, "{role}");
        }
    }
    let other = vault.new_organization("other").0;
    assert_eq!(get(&other, &id).await.0, 404);
    let put = other
        .request(Method::PUT, &policy_path(&id))
        .json(&stripe());
    assert_eq!(put.send().await.unwrap().status(), 404);
    let (limited, _) = vault
        .admin
        .issue(json!({"role": "writer", "credentials": {"providers": ["google"]}}))
        .await;
    assert_eq!(get(&limited, &id).await.0, 404);
}

#[tokio::test]
async fn without_the_setting_there_is_no_such_path() {
    let vault = TestVault::start().await;
    let id = vault.admin.create("sk_live_12345678").await;
    let answer = vault.admin.get(&policy_path(&id)).await;
    assert_eq!(answer.status(), 404);
    let body: Value = answer.json().await.unwrap();
    let unknown = vault
        .admin
        .get(&format!("{CREDENTIALS}/{id}/nonsense"))
        .await;
    let unknown: Value = unknown.json().await.unwrap();
    assert_eq!(body["errors"][0]["code"], unknown["errors"][0]["code"]);
}

#[tokio::test]
async fn policies_follow_their_credential_through_rotation_and_deletion() {
    let vault = TestVault::start_with(&[RELAY]).await;
    let (api, org) = (&vault.admin, &vault.admin.org);
    let id = api.create("sk_live_12345678").await;
    let set = put(api, &id, &stripe()).await;
    for more in [&[][..], &["--re-encrypt"]] {
        let args = ["rotate", "org", "--org", org, "--json"];
        vault.run(&[&args[..], more].concat()).assert_success();
        assert_eq!(get(api, &id).await, (200, set.clone()));
    }
    for generation in ["1", "2"] {
        let args = ["rotate", "retire", "--org", org, "--generation", generation];
        vault.run(&args).assert_success();
    }
    assert_eq!(get(api, &id).await, (200, set.clone()));
    let days = json!({"recovery_days": 7});
    api.call(Method::PATCH, "/organizations/config", &days, 204)
        .await;
    assert_eq!(
        api.delete(&format!("credentialId={id}")).await.status(),
        204
    );
    assert_eq!(get(api, &id).await.0, 404);
    let restore = format!("{CREDENTIALS}/{id}/restore");
    api.call(Method::POST, &restore, &Value::Null, 204).await;
    assert_eq!(get(api, &id).await, (200, set));
    assert_eq!(problems(&vault), Vec::<String>::new());

    let purge = format!("credentialId={id}&purge=true");
    assert_eq!(api.delete(&purge).await.status(), 204);
    let database = vault.database.connect().await;
    let left = database
        .query_one("select count(*) from relay_policies", &[])
        .await
        .unwrap();
    assert_eq!(left.get::<_, i64>(0), 0);
    assert_eq!(problems(&vault), Vec::<String>::new());
}

#[tokio::test]
async fn a_policy_survives_the_pruning_of_its_event() {
    let vault = TestVault::start_on(Database::create_unsharded().await, &[RELAY]).await;
    let api = &vault.admin;
    let id = api.create("sk_live_12345678").await;
    let set = put(api, &id, &stripe()).await;
    let unset = api.create("sk_live_87654321").await;
    put(api, &unset, &stripe()).await;
    let delete = api.request(Method::DELETE, &policy_path(&unset)).send();
    assert_eq!(delete.await.unwrap().status(), 204);
    let database = vault.database.connect().await;
    let cut = now(&database).await;
    split(&database, &cut).await;
    let folder = TempDir::with_prefix("strongroom-pruned-").unwrap();
    let file = folder.path().join("events");
    let file = file.to_str().unwrap();
    let pruned = vault.run(&["audit", "prune", "--before", &cut, "--output", file]);
    pruned.assert_success();
    assert_eq!(get(api, &id).await, (200, set));
    assert_eq!(get(api, &unset).await.0, 404);
    assert_eq!(problems(&vault), Vec::<String>::new());
    assert_eq!(put(api, &unset, &stripe()).await["version"], 3);
}

#[tokio::test]
async fn a_backup_has_policies() {
    let mut vault = TestVault::start_with(&[RELAY]).await;
    let (kept, gone) = (
        vault.admin.create("x1234567").await,
        vault.admin.create("y1234567").await,
    );
    let set = put(&vault.admin, &kept, &stripe()).await;
    put(&vault.admin, &gone, &stripe()).await;
    let delete = vault
        .admin
        .request(Method::DELETE, &policy_path(&gone))
        .send();
    assert_eq!(delete.await.unwrap().status(), 204);
    let safe = Safe::new();
    assert_eq!(
        safe.back_up(&vault, "all", &["--json"]).json()["findings"],
        0
    );
    // A policy that is newer than the backup's stays.
    let newer = put(&vault.admin, &kept, &json!({"hosts": ["b.example"]})).await;
    let own = vault.database.clone();
    safe.restore(&vault, &own, "all", &[]).assert_success();
    assert_eq!(get(&vault.admin, &kept).await, (200, newer));

    let database = Database::create().await;
    safe.restore(&vault, &database, "all", &[]).assert_success();
    vault.database = database;
    vault.replace_server(&[RELAY]).await;
    assert_eq!(get(&vault.admin, &kept).await, (200, set));
    assert_eq!(get(&vault.admin, &gone).await.0, 404);
    assert_eq!(put(&vault.admin, &gone, &stripe()).await["version"], 3);
    assert_eq!(problems(&vault), Vec::<String>::new());
}
