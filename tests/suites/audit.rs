//! The audit trail: its contents, and the access to it.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
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

/// Executes every operation; returns the id of the first credential, and the list of keys.
async fn execute_every_operation(vault: &TestVault) -> (String, Vec<Value>) {
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
    let keys = vault.keys(&api.org);
    vault.revoke(&api.org, keys[2]["key_id"].as_str().unwrap());
    drop(extra);
    (id, keys)
}

/// Action and outcome of the events of [`execute_every_operation`].
const EVERY_EVENT: [(&str, &str); 16] = [
    ("organization.create", "ok"),
    ("organization.configure", "ok"),
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

#[tokio::test]
async fn every_operation_leaves_its_event() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let (id, keys) = execute_every_operation(&vault).await;

    let mut listed = events(api, "limit=1000").await;
    listed.reverse();
    let text = |event: &Value, member: &str| event[member].as_str().unwrap().to_owned();
    let recorded = listed
        .iter()
        .map(|event| (text(event, "action"), text(event, "outcome")));
    let recorded: Vec<_> = recorded.collect();
    let mut sorted = recorded.clone();
    sorted.sort_unstable();
    let mut expected = EVERY_EVENT.map(|(action, outcome)| (action.to_owned(), outcome.to_owned()));
    expected.sort_unstable();
    assert_eq!(sorted, expected, "in order: {recorded:?}");

    let reveal = &events(api, "action=credential.reveal&limit=1000").await[1];
    assert_eq!(reveal["credential_id"], id.as_str());
    assert_eq!(reveal["version"], 1);
    assert_eq!(reveal["source"], "127.0.0.1");
    assert_eq!(reveal["actor"], keys[0]["key_id"]);
    assert!(!reveal["request_id"].as_str().unwrap().is_empty());
    // Reads of the trail are recorded as well, and no event contains a secret.
    assert_eq!(events(api, "action=audit.list").await.len(), 2);
    let exported = vault.run(&["audit", "export"]).stdout;
    assert!(!exported.contains("canary"), "{exported}");
    assert_eq!(exported.lines().count(), EVERY_EVENT.len() + 6);
    let verified = vault.run(&["audit", "verify", "--json"]).json();
    assert_eq!(verified["found"], 0);
    assert_eq!(verified["events"], 22);
    assert_eq!(verified["installation"]["events"], 2);
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
    // Only the event of the first read follows the events of `all`.
    let place = |event: &Value| (event["lane"].to_string(), event["seq"].as_i64());
    let places: BTreeSet<_> = seen.iter().map(place).collect();
    assert_eq!(places.len(), seen.len(), "an event was listed twice");
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
    assert_eq!(events(api, "actor=operator").await.len(), 4);
    let actor = created[0]["actor"].as_str().unwrap();
    let own = events(api, &format!("actor={actor}&action=credential.create")).await;
    assert_eq!(own.len(), 2);
    let at = created[0]["at"].as_str().unwrap();
    let since = events(api, &format!("since={at}&action=credential.create")).await;
    let until = events(api, &format!("until={at}&action=credential.create")).await;
    assert_eq!((since.len(), until.len()), (1, 1));
    assert_eq!(until[0]["credential_id"], one.as_str());
    // Who revealed it, within a time?
    api.reveal(&other).await;
    let reveals = events(api, "action=credential.reveal").await;
    let [end, begin] = [0, 1].map(|at| reveals[at]["at"].as_str().unwrap());
    let who = format!("action=credential.reveal&credential_id={one}");
    let within = events(api, &format!("{who}&since={begin}&until={end}")).await;
    assert_eq!(within.len(), 1);
    assert_eq!(
        (&within[0]["actor"], &within[0]["at"]),
        (&json!(actor), &json!(begin))
    );
    assert!(events(api, &format!("{who}&since={end}")).await.is_empty());

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

/// Checks that the answer is the same 401 as for an unknown key.
async fn refused(api: &Api) {
    let mut stranger = api.clone();
    stranger.key = "sr_admin_x_y".into();
    let (answer, unknown) = (api.get(EVENTS).await, stranger.get(EVENTS).await);
    assert_eq!(answer.status(), 401);
    assert_eq!(unknown.status(), 401);
    assert_eq!(answer.text().await.unwrap(), unknown.text().await.unwrap());
}

async fn denied(api: &Api, expected: usize) -> Vec<Value> {
    let mut found = Vec::new();
    let limit = Duration::from_secs(5);
    eventually("refused requests are recorded", limit, async || {
        found = events(api, "action=request.denied").await;
        found.len() >= expected
    })
    .await;
    assert_eq!(found.len(), expected);
    found
}

/// Creates an admin's key that expires after a second, and waits until it has; also its id.
async fn expired_admin(vault: &TestVault) -> (Api, Value) {
    let org = &vault.admin.org;
    let args = ["key", "create", "--org", org, "--role", "admin"];
    let more = ["--name", "x", "--expires", "1s", "--json"];
    let created = vault.run(&[&args[..], &more].concat()).json();
    let expired = Api::new(&vault.admin.url, org, created["api_key"].as_str().unwrap());
    tokio::time::sleep(Duration::from_millis(1100)).await;
    (expired, created["key_id"].clone())
}

#[tokio::test]
async fn refused_requests_with_a_known_key_are_noted() {
    let vault = TestVault::start().await;
    let logged = |key: &Value, reason: &str| {
        let line = format!(r#""error":"unauthorized","key_id":{key},"reason":"{reason}""#);
        vault.server.wait_for_log(&line);
    };
    let (other, _) = vault.new_organization("other");
    let mut strayed = vault.member.clone();
    strayed.org = other.org.clone();
    refused(&strayed).await;
    let recorded = denied(&vault.admin, 1).await;
    let keys = vault.keys(&vault.admin.org);
    assert_eq!(recorded[0]["actor"], keys[1]["key_id"]);
    assert_eq!(recorded[0]["outcome"], "denied");
    assert_eq!(recorded[0]["details"]["reason"], "other_organization");
    logged(&keys[1]["key_id"], "other_organization");
    // The other organization learns nothing about a foreign key.
    assert_eq!(denied(&other, 0).await.len(), 0);

    let (expired, key_id) = expired_admin(&vault).await;
    refused(&expired).await;
    let recorded = denied(&vault.admin, 2).await;
    assert_eq!(recorded[0]["actor"], key_id);
    assert_eq!(recorded[0]["details"]["reason"], "expired");
    logged(&key_id, "expired");

    // The sender of a revoked key is not authenticated: the event is anonymous, and recorded once.
    let key = keys[1]["key_id"].as_str().unwrap();
    vault.revoke(&vault.admin.org, key);
    let limit = Duration::from_secs(5);
    eventually("the key is revoked", limit, async || {
        vault.member.get(EVENTS).await.status() == 401
    })
    .await;
    for _ in 0..3 {
        refused(&vault.member).await;
    }
    eventually("the refusal is recorded", limit, async || {
        let recorded = events(&vault.admin, "action=request.denied&actor=anonymous").await;
        recorded.len() == 1
            && recorded[0]["key_id"] == key
            && recorded[0]["details"]["reason"] == "revoked"
    })
    .await;
    logged(&keys[1]["key_id"], "revoked");
    assert!(vault.run(&["audit", "verify"]).success);
}

#[tokio::test]
async fn a_cursor_may_name_any_time() {
    let vault = TestVault::start().await;
    // The earliest time of the format, PostgreSQL's earliest and its predecessor, and the latest.
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
