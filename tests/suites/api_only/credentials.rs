//! The five operations of the SlashID surface.

use serde_json::{Value, json};
use strongroom_e2e::TestApi;

#[tokio::test]
async fn a_credential_lives_its_life() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("first secret").await;

    let answer = api.reveal(&id).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let etag = answer.headers()["etag"].to_str().unwrap().to_owned();
    let body: Value = answer.json().await.unwrap();
    let time = |name: &str| body["result"][name].clone();
    let credential = json!({
        "created_at": time("created_at"),
        "updated_at": time("updated_at"),
        "etag": etag,
        "value_version": 1,
        "external_cred_id": id,
        "organization_id": api.org,
        "extcred_provider": "generic",
        "extcred_type": "api_key",
        "extcred_label": "",
        "json_blob": {"api_key": "first secret"},
    });
    assert_eq!(
        body,
        json!({"meta": {}, "errors": [], "result": credential})
    );

    let change = json!({"extcred_label": "renamed", "json_blob": {"apiKey": "second secret"}});
    assert_eq!(api.patch(&id, &change).await.status(), 204);
    let body: Value = api.reveal(&id).await.json().await.unwrap();
    assert_eq!(body["result"]["extcred_label"], "renamed");
    assert_eq!(
        body["result"]["json_blob"],
        json!({"apiKey": "second secret"})
    );

    let listed = vault.member.list().await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["external_cred_id"], id);
    assert!(listed[0].get("json_blob").is_none());

    assert_eq!(
        api.delete(&format!("credentialId={id}")).await.status(),
        204
    );
    assert_eq!(api.reveal(&id).await.status(), 404);
    assert_eq!(
        api.delete(&format!("credentialId={id}")).await.status(),
        204
    );
}
