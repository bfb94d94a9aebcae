//! The audit trail: what is in it, and who may read it.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use strongroom_e2e::{Api, TestVault, eventually};

const EVENTS: &str = "/organizations/config/audit-events";

async fn page(api: &Api, query: &str) -> (Vec<Value>, String) {
    let answer = api.get(&format!("{EVENTS}?{query}")).await;
    assert_eq!(answer.status(), 200, "{query}");
    let body: Value = answer.json().await.unwrap();
    let cursor = body["meta"]["cursor_pagination"]["cursor"]
        .as_str()
        .unwrap();
    (
        body["result"].as_array().unwrap().clone(),
        cursor.to_owned(),
    )
}

async fn events(api: &Api, query: &str) -> Vec<Value> {
    page(api, query).await.0
}

#[tokio::test]
async fn every_operation_leaves_its_event() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let id = api.create("canary-secret").await;
    api.reveal(&id).await;
    api.patch(&id, &json!({"extcred_label": "canary-label"}))
        .await;
    vault.member.list().await;
    assert_eq!(vault.member.reveal(&id).await.status(), 403);
    api.delete(&format!("credentialId={id}")).await;
    api.reveal(&id).await;
    api.create("another").await;
    api.delete("deleteAll=true").await;
    let extra = vault.new_key(&api.org, "member");
    let keys = vault
        .run(&["key", "list", "--org", &api.org, "--json"])
        .json();
    let key = keys[2]["key_id"].as_str().unwrap();
    let revoked = vault.run(&["key", "revoke", "--org", &api.org, "--key", key]);
    assert!(revoked.success, "{}", revoked.stderr);
    drop(extra);

    let mut listed = events(api, "limit=1000").await;
    listed.reverse();
    let told: Vec<_> = listed
        .iter()
        .map(|event| {
            let text = |member: &str| event[member].as_str().unwrap().to_owned();
            (text("action"), text("outcome"))
        })
        .collect();
    let told: Vec<_> = told
        .iter()
        .map(|(action, outcome)| (action.as_str(), outcome.as_str()))
        .collect();
    let expected = [
        ("organization.create", "ok"),
        ("key.create", "ok"),
        ("key.create", "ok"),
        ("credential.create", "ok"),
        ("credential.reveal", "ok"),
        ("credential.update", "ok"),
        ("credential.list", "ok"),
        ("request.denied", "denied"),
        ("credential.delete", "ok"),
        ("credential.reveal", "not_found"),
        ("credential.create", "ok"),
        ("credential.delete_all", "ok"),
        ("credential.delete", "ok"),
        ("key.create", "ok"),
        ("key.revoke", "ok"),
    ];
    let mut told_sorted = told.clone();
    told_sorted.sort_unstable();
    let mut expected_sorted = expected.to_vec();
    expected_sorted.sort_unstable();
    assert_eq!(told_sorted, expected_sorted, "in order: {told:?}");

    let reveal = &events(api, "action=credential.reveal&limit=1000").await[1];
    assert_eq!(reveal["credential_id"], id.as_str());
    assert_eq!(reveal["version"], 1);
    assert_eq!(reveal["source"], "127.0.0.1");
    assert_eq!(reveal["actor"], keys[0]["key_id"]);
    assert!(!reveal["request_id"].as_str().unwrap().is_empty());
    // Reading is recorded as well, and nothing secret is in any of it.
    assert_eq!(events(api, "action=audit.list").await.len(), 2);
    let exported = vault.run(&["audit", "export"]).stdout;
    assert!(!exported.contains("canary"), "{exported}");
    assert_eq!(exported.lines().count(), expected.len() + 4);
    let verified = vault.run(&["audit", "verify", "--json"]).json();
    assert_eq!(verified["found"], 0);
    assert_eq!(verified["events"], 19);
}

#[tokio::test]
async fn pages_go_on_where_they_stopped_while_others_write() {
    let vault = TestVault::start().await;
    for number in 0..12 {
        vault.admin.create(&format!("secret {number}")).await;
    }
    let (all, end) = page(&vault.admin, "limit=1000").await;
    assert_eq!(end, "");
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let (items, next) = page(&vault.admin, &format!("limit=4&cursor={cursor}")).await;
        assert!(items.len() <= 4);
        seen.extend(items);
        vault.admin.create("meanwhile").await;
        if next.is_empty() {
            break;
        }
        cursor = next;
    }
    // The first reading itself came after `all`, and nothing else came between.
    let place = |event: &Value| (event["lane"].to_string(), event["seq"].as_i64());
    let places: BTreeSet<_> = seen.iter().map(place).collect();
    assert_eq!(places.len(), seen.len(), "an event came twice");
    let tail: Vec<_> = seen[seen.len() - all.len()..].iter().map(place).collect();
    assert_eq!(tail, all.iter().map(place).collect::<Vec<_>>());
}

#[tokio::test]
async fn filters_select_and_bad_ones_are_named() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let (one, other) = (api.create("a").await, api.create("b").await);
    api.reveal(&one).await;
    let about = events(api, &format!("credential_id={one}")).await;
    assert_eq!(about.len(), 2);
    assert!(
        about
            .iter()
            .all(|event| event["credential_id"] == one.as_str())
    );
    let created = events(api, "action=credential.create").await;
    assert_eq!(created[0]["credential_id"], other.as_str());
    assert_eq!(events(api, "actor=operator").await.len(), 3);
    let actor = created[0]["actor"].as_str().unwrap();
    let own = events(api, &format!("actor={actor}&action=credential.create")).await;
    assert_eq!(own.len(), 2);
    let at = created[0]["at"].as_str().unwrap();
    let since = events(api, &format!("since={at}&action=credential.create")).await;
    let until = events(api, &format!("until={at}&action=credential.create")).await;
    assert_eq!((since.len(), until.len()), (1, 1));
    assert_eq!(until[0]["credential_id"], one.as_str());

    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
        ("since=yesterday", "since"),
        ("until=2027-01-31", "until"),
        ("actor=me", "actor"),
        ("credential_id=1", "credential_id"),
        ("action=nonsense", "action"),
    ] {
        let answer = api.get(&format!("{EVENTS}?{query}")).await;
        assert_eq!(answer.status(), 400, "{query}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["errors"][0]["field"], field, "{query}");
    }
}

#[tokio::test]
async fn only_admins_read_their_own_organizations_trail() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    other.create("theirs").await;
    assert_eq!(vault.member.get(EVENTS).await.status(), 403);
    let bare = vault.admin.bare(Method::GET, EVENTS).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    let posted = vault.admin.request(Method::POST, EVENTS).send().await;
    assert_eq!(posted.unwrap().headers()["allow"], "GET");
    let created = events(&vault.admin, "action=credential.create").await;
    assert_eq!(created.len(), 0);
    assert_eq!(events(&other, "action=credential.create").await.len(), 1);
}

/// Answers 401 exactly as to a key that nobody knows.
async fn refused(api: &Api) {
    let (answer, unknown) = (api.get(EVENTS).await, {
        let mut nobody = api.clone();
        nobody.key = "sr_admin_x_y".into();
        nobody.get(EVENTS).await
    });
    assert_eq!(
        (answer.status(), unknown.status()),
        (401.try_into().unwrap(), 401.try_into().unwrap())
    );
    assert_eq!(answer.text().await.unwrap(), unknown.text().await.unwrap());
}

async fn denied(api: &Api, expected: usize) -> Vec<Value> {
    let mut found = Vec::new();
    eventually(
        "refused requests are noted",
        Duration::from_secs(5),
        async || {
            found = events(api, "action=request.denied").await;
            found.len() >= expected
        },
    )
    .await;
    assert_eq!(found.len(), expected);
    found
}

#[tokio::test]
async fn refused_requests_with_a_known_key_are_noted() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let mut strayed = vault.member.clone();
    strayed.org = other.org.clone();
    refused(&strayed).await;
    let noted = denied(&vault.admin, 1).await;
    let keys = vault
        .run(&["key", "list", "--org", &vault.admin.org, "--json"])
        .json();
    assert_eq!(noted[0]["actor"], keys[1]["key_id"]);
    assert_eq!(noted[0]["outcome"], "denied");
    // The other organization learns nothing of a key that is not its own.
    assert_eq!(denied(&other, 0).await.len(), 0);

    let args = [
        "key",
        "create",
        "--org",
        &vault.admin.org,
        "--role",
        "admin",
        "--name",
        "x",
    ];
    let brief = vault
        .run(&[&args[..], &["--expires", "1s", "--json"]].concat())
        .json();
    let expired = Api::new(
        &vault.admin.url,
        &vault.admin.org,
        brief["api_key"].as_str().unwrap(),
    );
    tokio::time::sleep(Duration::from_millis(1100)).await;
    refused(&expired).await;
    assert_eq!(denied(&vault.admin, 2).await[0]["actor"], brief["key_id"]);

    // A revoked key cannot be told from its id: whoever sends it is nobody, and is noted once.
    let key = keys[1]["key_id"].as_str().unwrap();
    assert!(
        vault
            .run(&["key", "revoke", "--org", &vault.admin.org, "--key", key])
            .success
    );
    eventually("the key is revoked", Duration::from_secs(5), async || {
        vault.member.get(EVENTS).await.status() == 401
    })
    .await;
    for _ in 0..3 {
        refused(&vault.member).await;
    }
    // One more than before comes from the member's role, while its key still worked.
    eventually("it is noted", Duration::from_secs(5), async || {
        let noted = events(&vault.admin, "action=request.denied&actor=anonymous").await;
        noted.len() == 1 && noted[0]["key_id"] == key
    })
    .await;
    assert!(vault.run(&["audit", "verify"]).success);
}

#[tokio::test]
async fn a_cursor_may_name_any_time() {
    let vault = TestVault::start().await;
    // The earliest that there is, PostgreSQL's earliest and the one before, and the latest.
    for cursor in [
        "AYAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIAAAAAAAAAA",
        "AYAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "Af0S2cJ8V3__AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "Af0S2cJ8V4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AX_________-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AX__________AAAAAAAAAAAAAAAAAAAAAH__________",
    ] {
        let path = format!("{EVENTS}?limit=1&cursor={cursor}");
        assert_eq!(vault.admin.get(&path).await.status(), 200, "{cursor}");
    }
}
