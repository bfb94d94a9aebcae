//! An obstacle for one caller does not delay or fail other callers.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strongroom_e2e::{TestVault, api_key};

#[tokio::test]
async fn a_locked_row_keeps_nobody_else_waiting() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let (locked, free) = (
        vault.admin.create("locked").await,
        vault.admin.create("free").await,
    );
    let mut holder = vault.database.connect().await;
    let transaction = holder.transaction().await.unwrap();
    let lock = "select from credentials \
                where org_id = $1::text::uuid and cred_id = $2::text::uuid for update";
    let params = [&vault.admin.org, &locked];
    transaction
        .query(lock, &params.map(|id| id as _))
        .await
        .unwrap();

    let (api, id) = (vault.admin.clone(), locked.clone());
    let waiting = tokio::spawn(async move {
        api.patch(&id, &json!({"extcred_label": "late"}))
            .await
            .status()
    });
    let started = Instant::now();
    for round in 0..10 {
        other.create(&format!("secret {round}")).await;
        let label = json!({"extcred_label": format!("label {round}")});
        assert_eq!(vault.admin.patch(&free, &label).await.status(), 204);
        assert_eq!(vault.admin.reveal(&locked).await.status(), 200);
    }
    assert!(!waiting.is_finished());
    assert!(
        started.elapsed() < Duration::from_secs(6),
        "{:?}",
        started.elapsed()
    );

    transaction.commit().await.unwrap();
    assert_eq!(waiting.await.unwrap(), 204);
}

#[tokio::test]
async fn a_row_that_nobody_could_have_written_fails_alone() {
    let vault = TestVault::start().await;
    let ids = [vault.admin.create("a").await, vault.admin.create("b").await];
    let database = vault.database.connect().await;
    let change = "update credentials set provider = 'nonsense' where cred_id = $1::text::uuid";
    database.execute(change, &[&ids[0]]).await.unwrap();

    let mut readers = tokio::task::JoinSet::new();
    for round in 0..20 {
        let (api, id) = (vault.admin.clone(), ids[round % 2].clone());
        readers.spawn(async move { (round % 2, api.reveal(&id).await.status().as_u16()) });
    }
    while let Some(answer) = readers.join_next().await {
        let (which, status) = answer.unwrap();
        assert_eq!(status, if which == 0 { 500 } else { 200 });
    }
    let answer = vault
        .admin
        .patch(&ids[0], &json!({"extcred_label": "x"}))
        .await;
    assert_eq!(answer.status(), 500);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["errors"][0]["code"], "integrity_failure");
}

#[tokio::test]
async fn a_failed_commit_leaves_no_gap_in_the_audit_trail() {
    let vault = TestVault::start_unsharded().await;
    vault.admin.create("first").await;
    // More lanes than a lane's first event names.
    for _ in 0..70 {
        assert_eq!(vault.admin.delete("deleteAll=true").await.status(), 204);
    }
    let database = vault.database.connect().await;
    database
        .batch_execute(
            "create function refuse() returns trigger language plpgsql as \
               $$ begin raise exception 'refused' using errcode = '57P01'; end $$; \
             create constraint trigger refuse after insert on credentials \
               deferrable initially deferred for each row execute function refuse()",
        )
        .await
        .unwrap();
    let answer = vault.admin.post(&api_key("k")).await;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    database
        .batch_execute("drop trigger refuse on credentials")
        .await
        .unwrap();
    vault.admin.create("second").await;

    let gaps = "select lane, count(*), max(seq) from audit_events group by org_id, lane \
                having count(*) <> max(seq) or min(seq) <> 1";
    assert_eq!(database.query(gaps, &[]).await.unwrap().len(), 0);
}

#[tokio::test]
async fn changes_to_one_credential_keep_their_order() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let id = api.create("0").await;
    let writers = (0..4).map(|writer| {
        let (api, id) = (api.clone(), id.clone());
        tokio::spawn(async move {
            for n in 0..10 {
                let change = json!({"json_blob": {"api_key": format!("{writer}/{n}")}});
                assert_eq!(api.patch(&id, &change).await.status(), 204);
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let last = api.secret(&id).await;
    assert!(last["api_key"].as_str().unwrap().ends_with("/9"), "{last}");
    let client = vault.database.connect().await;
    let row = client
        .query_one("select version from credentials", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 41, "a change was lost");
}
