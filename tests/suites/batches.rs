//! Many concurrent callers: each receives the answer to its own request.

use std::time::Duration;

use serde_json::json;
use strongroom_e2e::{TestVault, api_key, eventually, failure};

#[tokio::test]
async fn many_at_a_time_do_not_mix() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let tasks = (0..200).map(|n| {
        let api = if n % 2 == 0 {
            vault.admin.clone()
        } else {
            other.clone()
        };
        tokio::spawn(async move {
            let secret = format!("secret {n}");
            let id = api.create(&secret).await;
            assert_eq!(api.secret(&id).await["api_key"], secret);
            let change = json!({"json_blob": {"api_key": format!("changed {n}")}});
            assert_eq!(api.patch(&id, &change).await.status(), 204);
            assert_eq!(api.secret(&id).await["api_key"], format!("changed {n}"));
            if n % 4 < 2 {
                let query = format!("credentialId={id}");
                assert_eq!(api.delete(&query).await.status(), 204);
                assert_eq!(api.reveal(&id).await.status(), 404);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(vault.admin.list().await.len(), 50);
    assert_eq!(other.list().await.len(), 50);
}

#[tokio::test]
async fn a_bad_one_fails_alone() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let spoiled = api.create("spoiled").await;
    let client = vault.database.connect().await;
    client
        .execute("update credentials set sealed_blob = ''", &[])
        .await
        .unwrap();
    // The database refuses rows with this label.
    let refuse = "alter table credentials add constraint refuse check (label <> 'refused')";
    client.batch_execute(refuse).await.unwrap();
    let tasks = (0..60).map(|n| {
        let (api, spoiled) = (api.clone(), spoiled.clone());
        tokio::spawn(async move {
            match n % 3 {
                0 => {
                    let answer = api.patch(&spoiled, &json!({"extcred_label": "x"})).await;
                    let failed = failure(answer, 500).await;
                    assert_eq!(failed.errors[0].1, "integrity_failure");
                }
                1 => {
                    let mut body = api_key("x");
                    body["extcred_label"] = json!("refused");
                    let failed = failure(api.post(&body).await, 500).await;
                    assert_eq!(failed.errors[0].1, "internal");
                    assert!(!failed.body.to_string().contains("refuse"));
                }
                _ => drop(api.create(&n.to_string()).await),
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(api.list().await.len(), 21);
}

#[tokio::test]
async fn a_blocked_table_means_503_and_nothing_written() {
    let vault = TestVault::start_with(&[("STRONGROOM_STATEMENT_TIMEOUT", "500ms")]).await;
    let api = &vault.admin;
    let id = api.create("kept").await;
    let client = vault.database.connect().await;
    let block = "begin; lock table credentials in access exclusive mode";
    client.batch_execute(block).await.unwrap();
    for answer in [
        api.post(&api_key("x")).await,
        api.reveal(&id).await,
        api.patch(&id, &json!({"extcred_label": "x"})).await,
        api.get(strongroom_e2e::CREDENTIALS).await,
        api.delete("deleteAll=true").await,
    ] {
        assert!(answer.headers().contains_key("retry-after"));
        assert_eq!(failure(answer, 503).await.errors[0].1, "unavailable");
    }
    client.batch_execute("rollback").await.unwrap();
    eventually("it serves again", Duration::from_secs(5), async || {
        api.reveal(&id).await.status() == 200
    })
    .await;
    let listed = api.list().await;
    assert_eq!(listed.len(), 1, "something was written or deleted");
    assert_eq!(listed[0]["extcred_label"], "");
}
