//! Other values and deleted credentials in the database: attacks, rotations, backups, purges.

mod attacks;
mod clock;
mod killed;
mod secrecy;
mod undo;
mod upkeep;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestVault};

/// Lets the caller's organization keep former values and deleted credentials.
async fn keep(api: &Api) {
    let settings = json!({"versions_kept": 3, "recovery_days": 7});
    let path = "/organizations/config";
    api.call(Method::PATCH, path, &settings, 204).await;
}

/// A credential with the values v1, v2 and v3, and the pending one v4.
async fn with_history(api: &Api) -> String {
    let id = api.create("v1").await;
    for secret in ["v2", "v3"] {
        set(api, &id, secret).await;
    }
    let path = format!("{CREDENTIALS}/{id}?stage=pending");
    let pending = json!({"json_blob": {"api_key": "v4"}});
    api.call(Method::PATCH, &path, &pending, 204).await;
    id
}

async fn set(api: &Api, id: &str, secret: &str) {
    let change = json!({"json_blob": {"api_key": secret}});
    assert_eq!(api.patch(id, &change).await.status(), 204);
}

/// The secrets of [`with_history`], by their stages and numbers.
const VALUES: [(&str, &str); 4] = [
    ("stage=current", "v3"),
    ("stage=previous", "v2"),
    ("value_version=1", "v1"),
    ("stage=pending", "v4"),
];

async fn get(api: &Api, id: &str, query: &str) -> Response {
    api.get(&format!("{CREDENTIALS}/{id}?{query}")).await
}

async fn has_all(api: &Api, id: &str) {
    for (query, expected) in VALUES {
        let answer = get(api, id, query).await;
        assert_eq!(answer.status(), 200, "{query}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["result"]["json_blob"]["api_key"], expected, "{query}");
    }
}

async fn delete(api: &Api, query: &str) {
    assert_eq!(api.delete(query).await.status(), 204, "{query}");
}

async fn restore(api: &Api, id: &str) -> u16 {
    let path = format!("{CREDENTIALS}/{id}/restore");
    let answer = api.request(Method::POST, &path).send().await.unwrap();
    answer.status().as_u16()
}

/// What `strongroom verify` finds.
fn problems(vault: &TestVault) -> Vec<String> {
    let verified = vault.run(&["verify", "--json"]);
    let report: Value = serde_json::from_str(&verified.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let problems = findings.map(|one| one["problem"].as_str().unwrap().to_owned());
    problems.collect()
}
