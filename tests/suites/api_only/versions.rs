//! Former values and pending ones: kept, read, promoted, destroyed, and who has read which.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestApi, failure};

async fn keeping(api: &Api, versions: i64) {
    let settings = json!({"versions_kept": versions});
    api.call(Method::PATCH, "/organizations/config", &settings, 204)
        .await;
}

async fn set(api: &Api, id: &str, secret: &str) {
    let change = json!({"json_blob": {"api_key": secret}});
    assert_eq!(api.patch(id, &change).await.status(), 204);
}

async fn stage(api: &Api, id: &str, secret: &str) -> Response {
    let path = format!("{CREDENTIALS}/{id}?stage=pending");
    let body = json!({"json_blob": {"api_key": secret}});
    let request = api.request(Method::PATCH, &path).json(&body);
    request.send().await.unwrap()
}

async fn write(api: &Api, id: &str, what: &str, condition: Option<&str>) -> Response {
    let path = format!("{CREDENTIALS}/{id}/versions/{what}");
    let mut request = api.request(Method::POST, &path);
    if let Some(condition) = condition {
        request = request.header("If-Match", condition);
    }
    request.send().await.unwrap()
}

async fn promote(api: &Api, id: &str, version: i64) {
    let answer = write(api, id, &format!("{version}/promote"), Some("*")).await;
    assert_eq!(answer.status(), 204, "{version}");
}

async fn code(answer: Response, status: u16) -> String {
    let body = failure(answer, status).await.body;
    body["errors"][0]["code"].as_str().unwrap().to_owned()
}

/// The secret of a value.
async fn value(api: &Api, id: &str, query: &str) -> Value {
    let path = format!("{CREDENTIALS}/{id}?{query}");
    let found = api.call(Method::GET, &path, &Value::Null, 200).await;
    found["json_blob"]["api_key"].clone()
}

/// The values with their stages, the newest first.
async fn versions(api: &Api, id: &str) -> Vec<(i64, String)> {
    let path = format!("{CREDENTIALS}/{id}/versions");
    let listed = api.call(Method::GET, &path, &Value::Null, 200).await;
    let shown = listed.as_array().unwrap().iter().map(|version| {
        let stage = match (&version["stage"], version.get("destroyed_at")) {
            (Value::String(stage), None) => stage.clone(),
            (Value::Null, Some(_)) => "destroyed".to_owned(),
            _ => String::new(),
        };
        (version["value_version"].as_i64().unwrap(), stage)
    });
    shown.collect()
}

fn of(expected: &[(i64, &str)]) -> Vec<(i64, String)> {
    let owned = |(version, stage): &(i64, &str)| (*version, (*stage).to_owned());
    expected.iter().map(owned).collect()
}

#[tokio::test]
async fn nothing_is_kept_unless_the_organization_says_so() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("first").await;
    set(api, &id, "second").await;
    assert_eq!(versions(api, &id).await, of(&[(2, "current")]));
    assert_eq!(code(stage(api, &id, "x").await, 409).await, "history_off");
    for query in ["stage=previous", "stage=pending", "value_version=1"] {
        let answer = api.get(&format!("{CREDENTIALS}/{id}?{query}")).await;
        assert_eq!(code(answer, 404).await, "no_such_version", "{query}");
    }
    assert_eq!(value(api, &id, "stage=current").await, "second");
    assert_eq!(value(api, &id, "value_version=2").await, "second");
    let path = "/organizations/config";
    for (setting, bad) in [
        ("versions_kept", json!(21)),
        ("versions_kept", json!(-1)),
        ("recovery_days", json!(31)),
        ("recovery_days", json!("7")),
        ("versions_kept", Value::Null),
    ] {
        let request = api
            .request(Method::PATCH, path)
            .json(&json!({setting: bad}));
        let refused = failure(request.send().await.unwrap(), 400).await;
        assert_eq!(refused.fields(), [setting], "{bad}");
    }
}

#[tokio::test]
async fn former_values_are_kept_up_to_their_number() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    keeping(api, 2).await;
    let id = api.create("v1").await;
    for secret in ["v2", "v3", "v4"] {
        set(api, &id, secret).await;
    }
    let label = json!({"extcred_label": "renamed"});
    assert_eq!(api.patch(&id, &label).await.status(), 204);
    let kept = of(&[(4, "current"), (3, "previous"), (2, "")]);
    assert_eq!(versions(api, &id).await, kept);
    assert_eq!(value(api, &id, "stage=previous").await, "v3");
    assert_eq!(value(api, &id, "value_version=2").await, "v2");
    let gone = api
        .get(&format!("{CREDENTIALS}/{id}?value_version=1"))
        .await;
    assert_eq!(code(gone, 404).await, "no_such_version");
    // Switched off, nothing old remains with the next value, and no number comes again.
    promote(api, &id, 3).await;
    keeping(api, 0).await;
    set(api, &id, "v5").await;
    assert_eq!(versions(api, &id).await, of(&[(5, "current")]));
}

#[tokio::test]
async fn a_pending_value_is_promoted_and_rolled_back() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    keeping(api, 5).await;
    let id = api.create("old").await;
    let staged = stage(api, &id, "new").await;
    assert_eq!(staged.status(), 204);
    assert_eq!(staged.headers()["slashid-value-version"], "2");
    let etag = staged.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(value(api, &id, "").await, "old");
    assert_eq!(value(api, &id, "stage=pending").await, "new");
    assert_eq!(
        code(stage(api, &id, "x").await, 409).await,
        "pending_exists"
    );
    let label = json!({"extcred_label": "a", "json_blob": {"api_key": "b"}});
    let path = format!("{CREDENTIALS}/{id}?stage=pending");
    let answer = api.request(Method::PATCH, &path).json(&label).send().await;
    assert_eq!(
        failure(answer.unwrap(), 400).await.fields(),
        ["extcred_label"]
    );

    let refused = write(api, &id, "2/promote", None).await;
    assert_eq!(code(refused, 428).await, "precondition_required");
    let other = Some("\"xyzzy\"");
    let refused = write(api, &id, "2/promote", other).await;
    assert_eq!(code(refused, 412).await, "precondition_failed");
    assert_eq!(value(api, &id, "").await, "old");
    let promoted = write(api, &id, "2/promote", Some(&etag)).await;
    assert_eq!(promoted.status(), 204);
    assert_ne!(promoted.headers()["etag"], etag.as_str());
    let expected = of(&[(2, "current"), (1, "previous")]);
    assert_eq!(versions(api, &id).await, expected);
    assert_eq!(value(api, &id, "").await, "new");
    assert_eq!(value(api, &id, "stage=previous").await, "old");
    let current = write(api, &id, "2/promote", Some("*")).await;
    assert_eq!(code(current, 409).await, "current_version");
    let absent = write(api, &id, "9/promote", Some("*")).await;
    assert_eq!(code(absent, 404).await, "no_such_version");
    for bad in ["0/promote", "x/promote", "-1/destroy"] {
        let refused = failure(write(api, &id, bad, Some("*")).await, 400).await;
        assert_eq!(refused.fields(), ["value_version"], "{bad}");
    }
    // Rolling back is promoting the previous one. A new value gets a number of its own.
    promote(api, &id, 1).await;
    assert_eq!(value(api, &id, "").await, "old");
    let expected = of(&[(2, "previous"), (1, "current")]);
    assert_eq!(versions(api, &id).await, expected);
    set(api, &id, "newer").await;
    let expected = of(&[(3, "current"), (2, ""), (1, "previous")]);
    assert_eq!(versions(api, &id).await, expected);
}

#[tokio::test]
async fn a_destroyed_value_is_gone_and_the_current_one_is_not() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    keeping(api, 5).await;
    let id = api.create("v1").await;
    set(api, &id, "v2").await;
    let current = write(api, &id, "2/destroy", None).await;
    assert_eq!(code(current, 409).await, "current_version");
    assert_eq!(write(api, &id, "1/destroy", None).await.status(), 204);
    let expected = of(&[(2, "current"), (1, "destroyed")]);
    assert_eq!(versions(api, &id).await, expected);
    for query in ["value_version=1", "stage=previous"] {
        let answer = api.get(&format!("{CREDENTIALS}/{id}?{query}")).await;
        assert_eq!(code(answer, 404).await, "no_such_version");
    }
    let promoted = write(api, &id, "1/promote", Some("*")).await;
    assert_eq!(code(promoted, 404).await, "no_such_version");
    let again = write(api, &id, "1/destroy", None).await;
    assert_eq!(again.status(), 204);
    // A pending value that is destroyed makes room for another one.
    assert_eq!(stage(api, &id, "v3").await.status(), 204);
    assert_eq!(write(api, &id, "3/destroy", None).await.status(), 204);
    let staged = stage(api, &id, "v4").await;
    assert_eq!(staged.headers()["slashid-value-version"], "4");
}

#[tokio::test]
async fn readers_are_behind_until_they_read_the_current_value() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    keeping(api, 5).await;
    let id = api.create("v1").await;
    let reveals = json!({"permissions": ["credentials:reveal"]});
    let (reader, reader_id) = api.issue(reveals.clone()).await;
    let (ended, ended_id) = api.issue(reveals).await;
    for one in [&reader, &ended] {
        assert_eq!(one.reveal(&id).await.status(), 200);
    }
    let revoke = format!("/organizations/api-keys/{ended_id}");
    api.call(Method::DELETE, &revoke, &Value::Null, 204).await;
    let path = format!("{CREDENTIALS}/{id}/adoption");
    let state = async || {
        let adoption = api.call(Method::GET, &path, &Value::Null, 200).await;
        let readers = adoption["readers"].as_array().unwrap().clone();
        assert_eq!(readers.len(), 1, "{readers:?}");
        assert_eq!(readers[0]["reader"], reader_id.as_str());
        let version = readers[0]["last_value_version"].as_i64().unwrap();
        (version, readers[0]["behind"].as_bool().unwrap())
    };
    assert_eq!(state().await, (1, false));
    assert_eq!(stage(api, &id, "v2").await.status(), 204);
    assert_eq!(value(&reader, &id, "stage=pending").await, "v2");
    assert_eq!(state().await, (1, false));
    promote(api, &id, 2).await;
    // The reader has the secret, but caches the current value, which was another one.
    assert_eq!(state().await, (1, true));
    let label = json!({"extcred_label": "renamed"});
    assert_eq!(api.patch(&id, &label).await.status(), 204);
    let refused = write(api, &id, "1/destroy?require_adopted=true", None).await;
    let refused = failure(refused, 409).await;
    let error = &refused.body["errors"][0];
    assert_eq!(error["code"], "still_read");
    assert_eq!(error["readers"], json!([reader_id]));
    let tag = reader.reveal(&id).await.headers()["etag"].clone();
    assert_eq!(state().await, (2, false));
    promote(api, &id, 1).await;
    assert_eq!(state().await, (2, true));
    promote(api, &id, 2).await;
    assert_eq!(state().await, (2, true));
    // A reader that has the version is told so, and has read it.
    let current = reader.reveal(&id).await.headers()["etag"].clone();
    assert_ne!(current, tag);
    let request = reader.request(Method::GET, &format!("{CREDENTIALS}/{id}"));
    let known = request.header("If-None-Match", current).send().await;
    assert_eq!(known.unwrap().status(), 304);
    assert_eq!(state().await, (2, false));
    let destroyed = write(api, &id, "1/destroy?require_adopted=true", None).await;
    assert_eq!(destroyed.status(), 204);
}

#[tokio::test]
async fn each_operation_needs_its_permission_and_reach() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    keeping(api, 5).await;
    let id = api.create("v1").await;
    set(api, &id, "v2").await;
    let (lister, _) = api
        .issue(json!({"permissions": ["credentials:list"]}))
        .await;
    for what in ["versions", "adoption"] {
        let path = format!("{CREDENTIALS}/{id}/{what}");
        assert_eq!(lister.get(&path).await.status(), 200, "{what}");
    }
    for what in ["1/promote", "1/destroy"] {
        assert_eq!(write(&lister, &id, what, Some("*")).await.status(), 403);
    }
    let previous = format!("{CREDENTIALS}/{id}?stage=previous");
    assert_eq!(lister.get(&previous).await.status(), 403);
    let permissions = [
        "credentials:list",
        "credentials:write",
        "credentials:reveal",
    ];
    let reach = json!({"permissions": permissions, "credentials": {"label_prefix": "other/"}});
    let (elsewhere, _) = api.issue(reach).await;
    for what in ["versions", "adoption"] {
        let path = format!("{CREDENTIALS}/{id}/{what}");
        assert_eq!(elsewhere.get(&path).await.status(), 404, "{what}");
    }
    for what in ["1/promote", "1/destroy"] {
        assert_eq!(write(&elsewhere, &id, what, Some("*")).await.status(), 404);
    }
    assert_eq!(elsewhere.get(&previous).await.status(), 404);
    assert_eq!(stage(&elsewhere, &id, "x").await.status(), 404);
}
