//! The record of a use precedes what is sent, also when the server is killed.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{CREDENTIALS, eventually};

use super::scene::{NAME, Outside, Scene, always, answering, code, echo, ok};

/// The paths that the upstream saw.
fn seen(scene: &Scene) -> HashSet<String> {
    let heads = scene.upstream.seen.heads();
    let path = |head: &String| head.split(' ').nth(1).unwrap().to_owned();
    heads.iter().map(path).collect()
}

/// The paths of uses in the audit trail, as the database has it.
async fn recorded(scene: &Scene) -> HashSet<String> {
    let database = scene.vault.database.connect().await;
    let events = "select details from audit_events where action = 'credential.use' \
                  and outcome = 'ok'";
    let rows = database.query(events, &[]).await.unwrap();
    let path = |row: &tokio_postgres::Row| {
        let details: Value = serde_json::from_str(row.get(0)).unwrap();
        details["path"].as_str().unwrap().to_owned()
    };
    rows.iter().map(path).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_upstream_saw_is_recorded_after_kill_9() {
    let scripted = answering(|_, _| ok(b"ok"));
    let mut scene = Scene::start_with(scripted, always("127.0.0.1"), &[]).await;
    let client = reqwest::Client::new();
    let base = format!("{}{}", scene.relay.url, scene.path(""));
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let (client, base, key) = (client.clone(), base.clone(), scene.relay.key.clone());
            tokio::spawn(async move {
                for number in 0.. {
                    let request = client
                        .get(format!("{base}/{task}/{number}"))
                        .bearer_auth(&key);
                    if request.send().await.is_err() {
                        return;
                    }
                }
            })
        })
        .collect();
    eventually(
        "many requests were relayed",
        Duration::from_secs(30),
        async || scene.upstream.seen.heads().len() > 300,
    )
    .await;
    scene.vault.server.kill();
    for task in tasks {
        task.await.unwrap();
    }
    let (seen, recorded) = (seen(&scene), recorded(&scene).await);
    assert!(seen.len() > 300);
    let unrecorded: Vec<_> = seen.difference(&recorded).collect();
    assert!(unrecorded.is_empty(), "{unrecorded:?}");
}

#[tokio::test]
async fn nothing_is_sent_while_nothing_can_be_recorded() {
    let outside = Outside::start(echo(), always("127.0.0.1")).await;
    let scene = Scene::unsharded(outside).await;
    assert_eq!(scene.get("/before").await.0, 200);
    let database = scene.vault.database.connect().await;
    let refuse = "create function refuse() returns trigger language plpgsql as \
                  $$ begin raise exception 'no'; end $$; \
                  create trigger refuse before insert on audit_events for each row \
                  execute function refuse()";
    database.batch_execute(refuse).await.unwrap();
    let (status, origin, _) = scene.get("/during").await;
    assert!(status >= 500, "{status}");
    assert_eq!(origin, "strongroom");
    assert!(!seen(&scene).contains("/during"));
    database
        .batch_execute("drop trigger refuse on audit_events")
        .await
        .unwrap();
    assert_eq!(scene.get("/after").await.0, 200);
}

#[tokio::test]
async fn an_altered_policy_or_credential_is_not_used() {
    let scene = Scene::start(echo()).await;
    let database = scene.vault.database.connect().await;
    for alteration in [
        "update relay_policies set digest = ''",
        "update relay_policies set version = version + 1",
        "update credentials set label = 'x'",
    ] {
        let copy = "create table kept_policies as select * from relay_policies; \
                    create table kept_credentials as select * from credentials";
        database.batch_execute(copy).await.unwrap();
        database.batch_execute(alteration).await.unwrap();
        assert_eq!(
            scene.error("/").await,
            (500, "integrity_failure".into()),
            "{alteration}"
        );
        let undo = "truncate relay_policies, credentials; \
                    insert into credentials select * from kept_credentials; \
                    insert into relay_policies select * from kept_policies; \
                    drop table kept_policies, kept_credentials";
        database.batch_execute(undo).await.unwrap();
        assert_eq!(scene.get("/").await.0, 200, "{alteration}");
    }
    let delete = format!("{CREDENTIALS}/{}/relay-policy", scene.id);
    let delete = scene.vault.admin.request(Method::DELETE, &delete).send();
    assert_eq!(delete.await.unwrap().status(), 204);
    assert_eq!(scene.error("/").await, (403, "relay_not_configured".into()));
    assert_eq!(scene.upstream.seen.heads().len(), 3);
}

// Credentials and policies stay in the server's memory between uses, and uses share transactions.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_holds_from_the_next_use_on_beside_other_uses() {
    let scene = Scene::start(answering(|_, _| ok(b"ok"))).await;
    let other = json!({ "extcred_provider": "generic", "extcred_type": "api_key",
                        "json_blob": { "api_key": "canary-other" } });
    let other = scene.add(&other, json!({ "hosts": [NAME] })).await;
    let stop = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = (0..8)
        .map(|_| {
            let (client, key, stop) = (
                reqwest::Client::new(),
                scene.relay.key.clone(),
                stop.clone(),
            );
            let url = format!("{}{CREDENTIALS}/{other}/relay/-/", scene.relay.url);
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let answer = client.get(&url).bearer_auth(&key).send().await;
                    assert_eq!(answer.unwrap().status(), 200);
                }
            })
        })
        .collect();
    for _ in 0..20 {
        for (allowed, refused) in [("/a", "/b"), ("/b", "/a")] {
            let rules = json!([{ "methods": ["GET"], "paths": [allowed] }]);
            scene.allow(json!({ "rules": rules })).await;
            assert_eq!(
                scene.error(refused).await,
                (403, "relay_not_allowed".into())
            );
            assert_eq!(scene.get(allowed).await.0, 200);
        }
    }
    stop.store(true, Ordering::Relaxed);
    for task in busy {
        task.await.unwrap();
    }
}

// A commit whose answer is lost may have taken effect or not; in neither case is anything sent.
#[tokio::test]
async fn nothing_is_sent_if_the_outcome_of_the_record_is_unknown() {
    let names = &["login.upstream.test"];
    let outside = Outside::start_as(names, echo(), always("127.0.0.1")).await;
    let scene = Scene::unsharded(outside).await;
    let port = scene.upstream.address.port();
    let client = json!({
        "extcred_provider": "generic", "extcred_type": "client_credentials",
        "json_blob": { "client_id": "client", "client_secret": "canary-client-secret" },
    });
    let url = format!("https://login.upstream.test:{port}/token");
    let policy = json!({ "hosts": [NAME], "token_url": url });
    let minting = scene.add(&client, policy).await;
    let database = scene.vault.database.connect().await;
    let slow = "create function slow() returns trigger language plpgsql as \
                $$ begin perform pg_sleep(30); return null; end $$; \
                create constraint trigger slow after insert on audit_events \
                deferrable initially deferred for each row \
                when (new.action = 'credential.use') execute function slow()";
    database.batch_execute(slow).await.unwrap();
    for id in [&scene.id, &minting] {
        let path = format!("{CREDENTIALS}/{id}/relay/-/");
        let request = scene.relay.request(Method::GET, &path).send();
        let request = tokio::spawn(request);
        let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                   where datname = current_database() and wait_event = 'PgSleep'";
        eventually("a commit is cut", Duration::from_secs(10), async || {
            let cut = database.query_one(cut, &[]).await.unwrap();
            cut.get::<_, i64>(0) > 0
        })
        .await;
        let answer = request.await.unwrap().unwrap();
        assert_eq!(answer.status(), 503);
        assert_eq!(code(&answer.text().await.unwrap()), "outcome_unknown");
    }
    assert_eq!(scene.upstream.seen.heads().len(), 0);
}
