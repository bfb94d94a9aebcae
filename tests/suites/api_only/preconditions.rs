//! Entity tags, and requests that depend on them.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestApi, failure};

fn tag(answer: &Response) -> String {
    answer.headers()["etag"].to_str().unwrap().to_owned()
}

async fn current(api: &Api, id: &str) -> String {
    tag(&api.reveal(id).await)
}

async fn patch(api: &Api, id: &str, condition: &str, body: &Value) -> Response {
    let path = format!("{CREDENTIALS}/{id}");
    let request = api.request(Method::PATCH, &path);
    let request = request.header("If-Match", condition).json(body);
    request.send().await.unwrap()
}

async fn delete(api: &Api, query: &str, condition: &str) -> Response {
    let path = format!("{CREDENTIALS}?{query}");
    let request = api.request(Method::DELETE, &path);
    request.header("If-Match", condition).send().await.unwrap()
}

async fn get_if_changed(api: &Api, id: &str, known: &str) -> Response {
    let path = format!("{CREDENTIALS}/{id}");
    let request = api.request(Method::GET, &path);
    request.header("If-None-Match", known).send().await.unwrap()
}

#[tokio::test]
async fn every_answer_about_a_version_has_its_tag() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let body = strongroom_e2e::api_key("secret");
    let created = api.post(&body).await;
    let first = tag(&created);
    let created: Value = created.json().await.unwrap();
    let id = created["result"][0].as_str().unwrap();
    assert_eq!(current(api, id).await, first);
    assert_eq!(api.list().await[0]["etag"], json!(first));
    let renamed = api.patch(id, &json!({"extcred_label": "other"})).await;
    let second = tag(&renamed);
    assert_ne!(first, second);
    let revealed = api.reveal(id).await;
    assert_eq!(tag(&revealed), second);
    let revealed: Value = revealed.json().await.unwrap();
    assert_eq!(revealed["result"]["etag"], json!(second));
    let listed = &api.list().await[0];
    assert_eq!(listed["etag"], json!(second));
    let time = |name: &str| listed[name].as_str().unwrap().to_owned();
    assert!(time("created_at") < time("updated_at"), "{listed}");
    assert_eq!(revealed["result"]["updated_at"], listed["updated_at"]);
}

#[tokio::test]
async fn a_change_applies_to_the_versions_that_it_names() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    let first = current(api, &id).await;
    let label = |text: &str| json!({"extcred_label": text});
    let second = patch(api, &id, &first, &label("a")).await;
    assert_eq!(second.status(), 204);
    let second = tag(&second);
    let refused = failure(patch(api, &id, &first, &label("b")).await, 412).await;
    assert_eq!(refused.body["errors"][0]["code"], "precondition_failed");
    for other in ["\"xyzzy\"", &format!("W/{second}")] {
        failure(patch(api, &id, other, &label("b")).await, 412).await;
    }
    assert_eq!(current(api, &id).await, second);
    let list = format!("{first} , {second}");
    assert_eq!(patch(api, &id, &list, &label("c")).await.status(), 204);
    assert_eq!(patch(api, &id, "*", &label("d")).await.status(), 204);
    for malformed in ["", "x", "\"a", "\"a\"\"b\""] {
        let refused = failure(patch(api, &id, malformed, &label("e")).await, 400).await;
        assert_eq!(refused.fields(), ["If-Match"], "{malformed}");
    }
    // A write is not about what the caller has.
    let path = format!("{CREDENTIALS}/{id}");
    let request = api.request(Method::PATCH, &path).json(&label("e"));
    let answer = request.header("If-None-Match", "*").send().await.unwrap();
    assert_eq!(failure(answer, 400).await.fields(), ["If-None-Match"]);
    // What is wrong for any version comes first, and an absent credential is absent.
    let wrong = json!({"json_blob": {"x": 1}});
    failure(patch(api, &id, &first, &wrong).await, 400).await;
    // Whether a merge yields a valid secret depends on the version.
    let unfit = json!({"json_blob_merge": {"api_key": null}});
    failure(patch(api, &id, &first, &unfit).await, 412).await;
    failure(patch(api, &id, "*", &unfit).await, 400).await;
    let absent = "0190a1b2-0000-7000-8000-0123456789ab";
    failure(patch(api, absent, "*", &label("e")).await, 404).await;
    assert_eq!(api.list().await[0]["extcred_label"], "d");
}

#[tokio::test]
async fn a_deletion_applies_to_the_versions_that_it_names() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    let one = format!("credentialId={id}");
    let first = current(api, &id).await;
    api.patch(&id, &json!({"extcred_label": "a"})).await;
    failure(delete(api, &one, &first).await, 412).await;
    let refused = failure(delete(api, "deleteAll=true", "*").await, 400).await;
    assert_eq!(refused.fields(), ["If-Match"]);
    assert_eq!(api.list().await.len(), 1);
    let now = current(api, &id).await;
    assert_eq!(delete(api, &one, &now).await.status(), 204);
    for condition in [now.as_str(), "*"] {
        failure(delete(api, &one, condition).await, 412).await;
    }
    assert_eq!(api.delete(&one).await.status(), 204);
}

#[tokio::test]
async fn a_version_that_the_caller_has_is_not_revealed_again() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    let first = current(api, &id).await;
    let reveals = async || {
        let path = "/organizations/config/audit-events?action=credential.reveal";
        let events = api.call(Method::GET, path, &Value::Null, 200).await;
        events.as_array().unwrap().clone()
    };
    let before = reveals().await.len();
    for known in [first.as_str(), "*", &format!("\"x\", W/{first}")] {
        let answer = get_if_changed(api, &id, known).await;
        assert_eq!(
            (answer.status().as_u16(), tag(&answer)),
            (304, first.clone())
        );
        assert_eq!(answer.text().await.unwrap(), "");
    }
    let recorded = reveals().await;
    assert_eq!(recorded.len(), before + 3);
    assert_eq!(recorded[0]["version"], 1);
    api.patch(&id, &json!({"json_blob": {"api_key": "new"}}))
        .await;
    let answer = get_if_changed(api, &id, &first).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("new"));
    let refused = failure(get_if_changed(api, &id, "x").await, 400).await;
    assert_eq!(refused.fields(), ["If-None-Match"]);
    // Neither does it show that another organization's credential exists.
    let (stranger, _) = vault.new_organization("stranger");
    failure(get_if_changed(&stranger, &id, "*").await, 404).await;
}

#[tokio::test]
async fn one_of_many_writers_of_the_same_version_succeeds() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    for _ in 0..3 {
        let condition = current(api, &id).await;
        let writes = (0..50).map(|n| {
            let (id, condition) = (id.clone(), condition.clone());
            async move {
                let body = json!({"json_blob": {"api_key": n.to_string()}});
                patch(api, &id, &condition, &body).await.status().as_u16()
            }
        });
        let answers = futures_util::future::join_all(writes).await;
        let count = |status: u16| answers.iter().filter(|one| **one == status).count();
        assert_eq!((count(204), count(412)), (1, 49), "{answers:?}");
    }
}

#[tokio::test]
async fn one_of_many_changes_promotions_and_deletions_of_the_same_version_succeeds() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let settings = json!({"versions_kept": 3});
    api.call(Method::PATCH, "/organizations/config", &settings, 204)
        .await;
    for _ in 0..3 {
        let id = api.create("v1").await;
        let second = json!({"json_blob": {"api_key": "v2"}});
        assert_eq!(patch(api, &id, "*", &second).await.status(), 204);
        let condition = current(api, &id).await;
        let one = format!("{CREDENTIALS}/{id}");
        let all = [
            (Method::PATCH, one.clone()),
            (Method::PATCH, format!("{one}?stage=pending")),
            (Method::POST, format!("{one}/versions/1/promote")),
            (Method::DELETE, format!("{CREDENTIALS}?credentialId={id}")),
        ];
        let writes = all.iter().cycle().take(64).enumerate();
        let writes = writes.map(|(n, (method, path))| {
            let request = api.request(method.clone(), path);
            let request = request.header("If-Match", &condition);
            let body = json!({"json_blob": {"api_key": format!("w{n}")}});
            let request = match *method {
                Method::PATCH => request.json(&body),
                _ => request,
            };
            async { request.send().await.unwrap().status().as_u16() }
        });
        let answers = futures_util::future::join_all(writes).await;
        let count = |status: u16| answers.iter().filter(|one| **one == status).count();
        // After a deletion, there is nothing to change.
        assert_eq!(count(204), 1, "{answers:?}");
        assert_eq!(count(412) + count(404), 63, "{answers:?}");
        let listed = api.get(&format!("{one}/versions")).await;
        if listed.status() == 404 {
            continue;
        }
        let listed: Value = listed.json().await.unwrap();
        for stage in ["current", "previous"] {
            let values = listed["result"].as_array().unwrap().iter();
            let staged = values.filter(|value| value["stage"] == stage).count();
            assert_eq!(staged, 1, "{listed}");
        }
    }
}
