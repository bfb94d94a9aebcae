//! Nothing is revealed or written unrecorded, and what happens is recorded as it happened.

use serde_json::{Value, json};
use strongroom_e2e::{TestVault, api_key, failure};

#[tokio::test]
async fn without_a_record_nothing_is_revealed_and_nothing_written() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let id = api.create("canary").await;
    let client = vault.database.connect().await;
    let trail = "revoke insert on audit_events from strongroom_app";
    client.batch_execute(trail).await.unwrap();
    let query = format!("credentialId={id}");
    let answers = [
        api.reveal(&id).await,
        api.get(strongroom_e2e::CREDENTIALS).await,
        api.post(&api_key("new")).await,
        api.patch(&id, &json!({"extcred_label": "new"})).await,
        api.delete(&query).await,
        api.delete("deleteAll=true").await,
        vault.member.reveal(&id).await,
    ];
    for answer in answers {
        let failed = failure(answer, 500).await;
        assert!(!failed.body.to_string().contains("canary"));
    }
    client
        .batch_execute(&trail.replace("revoke", "grant").replace("from", "to"))
        .await
        .unwrap();
    let listed = api.list().await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["extcred_label"], "");
    assert_eq!(api.secret(&id).await["api_key"], "canary");
}

#[tokio::test]
async fn every_operation_leaves_its_event() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let nobody = "0190a1b2-0000-7000-8000-0123456789ab";
    let id = api.create("secret").await;
    api.list().await;
    api.secret(&id).await;
    api.patch(&id, &json!({"extcred_label": "x"})).await;
    api.patch(nobody, &json!({"extcred_label": "x"})).await;
    api.reveal(nobody).await;
    vault.member.reveal(&id).await;
    api.delete(&format!("credentialId={id}")).await;
    api.delete(&format!("credentialId={id}")).await;
    let second = api.create("second").await;
    api.delete("deleteAll=true").await;
    let client = vault.database.connect().await;
    let query = "select action, outcome, cred_id::text, version, digest is not null from audit_events \
         where actor <> 'operator' order by at, lane, seq";
    let recorded: Vec<Value> = client
        .query(query, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| {
            let (action, outcome): (String, String) = (row.get(0), row.get(1));
            let (id, version): (Option<String>, Option<i64>) = (row.get(2), row.get(3));
            json!([action, outcome, id, version, row.get::<_, bool>(4)])
        })
        .collect();
    let expected = [
        json!(["credential.create", "ok", id, 1, true]),
        json!(["credential.list", "ok", null, null, false]),
        json!(["credential.reveal", "ok", id, 1, false]),
        json!(["credential.update", "ok", id, 2, true]),
        json!(["credential.update", "not_found", nobody, null, false]),
        json!(["credential.reveal", "not_found", nobody, null, false]),
        json!(["request.denied", "denied", null, null, false]),
        json!(["credential.delete", "ok", id, 2, false]),
        json!(["credential.delete", "not_found", id, null, false]),
        json!(["credential.create", "ok", second, 1, true]),
        json!(["credential.delete_all", "ok", null, null, false]),
        json!(["credential.delete", "ok", second, 1, false]),
    ];
    assert_eq!(recorded, expected);
    let keys = "select action from audit_events where actor = 'operator' order by at";
    let keys: Vec<String> = client
        .query(keys, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(keys, ["organization.create", "key.create", "key.create"]);
}
