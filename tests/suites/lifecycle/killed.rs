//! kill -9 while a promotion, a deletion, a restoration or a purge waits at one of its steps: it
//! has happened as a whole, with its event, or not at all.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use strongroom_e2e::{Api, CREDENTIALS, TestVault, eventually};
use tokio_postgres::Client;

use super::{delete, get, has_all, keep, problems, with_history};

const LIMIT: Duration = Duration::from_secs(30);

/// What callers see of a credential.
#[derive(Debug, PartialEq)]
enum Seen {
    /// Its current, previous and pending value.
    Live([Option<String>; 3]),
    Deleted,
    Gone,
}

fn live(values: [Option<&str>; 3]) -> Seen {
    Seen::Live(values.map(|value| value.map(str::to_owned)))
}

async fn seen(api: &Api, id: &str) -> Seen {
    let path = format!("{CREDENTIALS}?deleted=true");
    let deleted = api.call(Method::GET, &path, &Value::Null, 200).await;
    let mut deleted = deleted.as_array().unwrap().iter();
    if deleted.any(|one| one["external_cred_id"] == *id) {
        return Seen::Deleted;
    }
    if api.reveal(id).await.status() == 404 {
        return Seen::Gone;
    }
    let mut values = [const { None }; 3];
    for (value, stage) in values.iter_mut().zip(["current", "previous", "pending"]) {
        let answer = get(api, id, &format!("stage={stage}")).await;
        if answer.status() == 200 {
            let body: Value = answer.json().await.unwrap();
            let secret = &body["result"]["json_blob"]["api_key"];
            *value = secret.as_str().map(str::to_owned);
        }
    }
    Seen::Live(values)
}

/// An operation, the tables that it writes, and what callers see before and after.
struct Operation {
    name: &'static str,
    tables: &'static [&'static str],
    request: fn(&Api, &str) -> RequestBuilder,
    is_deleted: bool,
    after: Seen,
}

fn delete_with(api: &Api, id: &str, purge: bool) -> RequestBuilder {
    let path = format!("{CREDENTIALS}?credentialId={id}&purge={purge}");
    api.request(Method::DELETE, &path)
}

fn operations() -> [Operation; 4] {
    [
        Operation {
            name: "promote",
            tables: &["credential_versions", "credentials", "audit_events"],
            request: |api, id| {
                let path = format!("{CREDENTIALS}/{id}/versions/4/promote");
                let request = api.request(Method::POST, &path);
                request.header("If-Match", "*")
            },
            is_deleted: false,
            after: live([Some("v4"), Some("v3"), None]),
        },
        Operation {
            name: "delete",
            tables: &["credentials", "audit_events"],
            request: |api, id| delete_with(api, id, false),
            is_deleted: false,
            after: Seen::Deleted,
        },
        Operation {
            name: "restore",
            tables: &["credentials", "audit_events"],
            request: |api, id| {
                let path = format!("{CREDENTIALS}/{id}/restore");
                api.request(Method::POST, &path)
            },
            is_deleted: true,
            after: live([Some("v3"), Some("v2"), Some("v4")]),
        },
        Operation {
            name: "purge",
            tables: &["credential_versions", "credentials", "audit_events"],
            request: |api, id| delete_with(api, id, true),
            is_deleted: true,
            after: Seen::Gone,
        },
    ]
}

#[tokio::test]
async fn what_is_killed_at_a_step_happened_as_a_whole_or_not_at_all() {
    let mut vault = TestVault::start_unsharded().await;
    keep(&vault.admin).await;
    let mut database = vault.database.connect().await;
    for operation in operations() {
        for table in operation.tables {
            let what = format!("{} at {table}", operation.name);
            let id = with_history(&vault.admin).await;
            if operation.is_deleted {
                delete(&vault.admin, &format!("credentialId={id}")).await;
            }
            let before = seen(&vault.admin, &id).await;
            let first = recorded(&vault.admin, &id).await;
            kill_at(&mut vault, &mut database, &operation, table, &id).await;
            vault.replace_server(&[]).await;
            let now = seen(&vault.admin, &id).await;
            let happened = now == operation.after;
            assert!(happened || now == before, "{what}: {now:?}");
            let changes = recorded(&vault.admin, &id).await - first;
            assert_eq!(changes, usize::from(happened), "{what}: {now:?}");
            if let Seen::Live([_, _, Some(_)]) = now {
                has_all(&vault.admin, &id).await;
            }
        }
    }
    assert_eq!(problems(&vault), Vec::<String>::new());
    vault.run(&["audit", "verify"]).assert_success();
}

/// Sends the operation, kills the server when it waits to write `table`, and lets PostgreSQL end
/// what the server had sent.
async fn kill_at(
    vault: &mut TestVault,
    database: &mut Client,
    operation: &Operation,
    table: &str,
    id: &str,
) {
    let lock = database.transaction().await.unwrap();
    let blocking = format!("lock table {table} in share mode");
    lock.batch_execute(&blocking).await.unwrap();
    let request = (operation.request)(&vault.admin, id);
    let sent = tokio::spawn(request.send());
    let waiting = "select exists (select from pg_stat_activity where wait_event_type = 'Lock' \
                   and datname = current_database())";
    eventually("the operation waits", LIMIT, async || {
        lock.query_one(waiting, &[]).await.unwrap().get(0)
    })
    .await;
    vault.server.kill();
    assert!(sent.await.unwrap().is_err(), "{}", operation.name);
    lock.rollback().await.unwrap();
    let ended = "select not exists (select from pg_stat_activity where \
                 usename = 'strongroom_app' and datname = current_database())";
    eventually("the server's connections have ended", LIMIT, async || {
        database.query_one(ended, &[]).await.unwrap().get(0)
    })
    .await;
}

/// The number of changes of a credential that the trail has.
async fn recorded(api: &Api, id: &str) -> usize {
    let path = format!("/organizations/config/audit-events?credential_id={id}&limit=1000");
    let events = api.call(Method::GET, &path, &Value::Null, 200).await;
    let events = events.as_array().unwrap().iter();
    let is_change = |event: &&Value| {
        ["credential.update", "credential.delete"]
            .map(Value::from)
            .contains(&event["action"])
            && event["outcome"] == "ok"
    };
    events.filter(is_change).count()
}
