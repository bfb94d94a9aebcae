use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestVault};

pub(super) const RELAY: (&str, &str) = ("STRONGROOM_RELAY", "true");

/// The path of the relay policy of `id`.
pub(super) fn policy_path(id: &str) -> String {
    format!("{CREDENTIALS}/{id}/relay-policy")
}

/// Sets the policy of `id`; returns the result of the response.
pub(super) async fn put(api: &Api, id: &str, policy: &Value) -> Value {
    api.call(Method::PUT, &policy_path(id), policy, 200).await
}

/// The status and the result of a request for the policy of `id`.
pub(super) async fn get(api: &Api, id: &str) -> (u16, Value) {
    let answer = api.get(&policy_path(id)).await;
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    (status, body["result"].clone())
}

pub(super) fn stripe() -> Value {
    json!({"hosts": ["api.stripe.com"], "rules": [{"methods": ["GET"], "paths": ["/v1/*"]}]})
}

/// The codes of the problems that `strongroom verify` finds.
pub(super) fn problems(vault: &TestVault) -> Vec<String> {
    let verified = vault.run(&["verify", "--json"]);
    let report: Value = serde_json::from_str(&verified.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let problems = findings.map(|one| one["problem"].as_str().unwrap().to_owned());
    problems.collect()
}
