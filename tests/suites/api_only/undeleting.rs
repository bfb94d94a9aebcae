//! Deleted credentials that can be restored.

use std::slice;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestApi, failure};

async fn configure(api: &Api, settings: &Value) {
    let path = "/organizations/config";
    api.call(Method::PATCH, path, settings, 204).await;
}

async fn delete(api: &Api, query: &str) {
    assert_eq!(api.delete(query).await.status(), 204, "{query}");
}

async fn restore(api: &Api, id: &str) -> Response {
    let path = format!("{CREDENTIALS}/{id}/restore");
    api.request(Method::POST, &path).send().await.unwrap()
}

/// The ids of the deleted credentials.
async fn deleted(api: &Api) -> Vec<String> {
    let path = format!("{CREDENTIALS}?deleted=true");
    let listed = api.call(Method::GET, &path, &Value::Null, 200).await;
    let listed = listed.as_array().unwrap().iter();
    let id = |one: &Value| one["external_cred_id"].as_str().unwrap().to_owned();
    listed.map(id).collect()
}

#[tokio::test]
async fn a_new_organization_can_restore_for_a_week() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let settings = api
        .call(Method::GET, "/organizations/config", &Value::Null, 200)
        .await;
    let expected = json!({"max_key_lifetime": null, "versions_kept": 0, "recovery_days": 7});
    assert_eq!(settings, expected);
    let child = api.new_suborganization("child").await;
    let settings = child
        .call(Method::GET, "/organizations/config", &Value::Null, 200)
        .await;
    assert_eq!(settings["recovery_days"], 7);
    configure(api, &json!({"recovery_days": 0})).await;
    let id = api.create("secret").await;
    delete(api, &format!("credentialId={id}")).await;
    assert_eq!(deleted(api).await, Vec::<String>::new());
    failure(restore(api, &id).await, 404).await;
}

#[tokio::test]
async fn a_deleted_credential_is_gone_until_it_is_restored() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    configure(api, &json!({"versions_kept": 3})).await;
    let mut body = strongroom_e2e::api_key("first");
    body["extcred_label"] = "kept".into();
    let id = api.create_from(&body).await;
    let change = json!({"json_blob": {"api_key": "second"}});
    assert_eq!(api.patch(&id, &change).await.status(), 204);
    let other = api.create("other").await;
    delete(api, &format!("credentialId={id}")).await;

    let listed = api.list().await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["external_cred_id"], other.as_str());
    let path = format!("{CREDENTIALS}/{id}");
    for gone in [
        path.clone(),
        format!("{path}?stage=previous"),
        format!("{path}/versions"),
        format!("{path}/adoption"),
        format!("{CREDENTIALS}/by-label/kept"),
    ] {
        failure(api.get(&gone).await, 404).await;
    }
    failure(api.patch(&id, &change).await, 404).await;
    // It is already deleted, which is no error.
    delete(api, &format!("credentialId={id}")).await;
    let path = format!("{CREDENTIALS}?deleted=true");
    let shown = api.call(Method::GET, &path, &Value::Null, 200).await;
    let time = |name: &str| shown[0][name].as_str().unwrap().to_owned();
    assert_eq!(time("external_cred_id"), id);
    assert!(time("deleted_at") < time("recover_until"), "{shown}");

    let restored = restore(api, &id).await;
    assert_eq!(restored.status(), 204);
    assert!(restored.headers().contains_key("etag"));
    assert_eq!(deleted(api).await, Vec::<String>::new());
    assert_eq!(api.secret(&id).await["api_key"], "second");
    let previous = format!("{CREDENTIALS}/{id}?stage=previous");
    let previous = api.call(Method::GET, &previous, &Value::Null, 200).await;
    assert_eq!(previous["json_blob"]["api_key"], "first");
    failure(restore(api, &id).await, 404).await;
}

#[tokio::test]
async fn a_purge_ends_the_window_at_once() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let (live, gone) = (api.create("live").await, api.create("gone").await);
    delete(api, &format!("credentialId={gone}")).await;
    delete(api, &format!("credentialId={gone}&purge=true")).await;
    failure(restore(api, &gone).await, 404).await;
    delete(api, &format!("credentialId={live}&purge=true")).await;
    failure(restore(api, &live).await, 404).await;
    let ids = [api.create("a").await, api.create("b").await];
    delete(api, "deleteAll=true").await;
    assert_eq!(deleted(api).await, ids);
    assert_eq!(restore(api, &ids[0]).await.status(), 204);
    delete(api, "deleteAll=true&purge=true").await;
    assert_eq!(deleted(api).await, Vec::<String>::new());
    assert_eq!(api.list().await.len(), 0);
    let refused = api.delete("credentialId=x&purge=maybe").await;
    let refused = failure(refused, 400).await;
    assert_eq!(refused.fields(), ["credentialId", "purge"]);
}

#[tokio::test]
async fn a_limited_key_restores_what_it_reaches() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    let permissions = [
        "credentials:list",
        "credentials:write",
        "credentials:delete",
    ];
    let reach = json!({"permissions": permissions, "credentials": {"label_prefix": "x/"}});
    let (limited, _) = api.issue(reach).await;
    let mut body = strongroom_e2e::api_key("reached");
    body["extcred_label"] = "x/1".into();
    let reached = api.create_from(&body).await;
    delete(&limited, "deleteAll=true").await;
    delete(api, &format!("credentialId={id}")).await;
    assert_eq!(deleted(&limited).await, slice::from_ref(&reached));
    failure(restore(&limited, &id).await, 404).await;
    assert_eq!(restore(&limited, &reached).await.status(), 204);
    let (lister, _) = api
        .issue(json!({"permissions": ["credentials:list"]}))
        .await;
    assert_eq!(deleted(&lister).await, slice::from_ref(&id));
    failure(restore(&lister, &id).await, 403).await;
}
