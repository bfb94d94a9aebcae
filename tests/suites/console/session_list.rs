//! The list of sessions, and the end of one of them.

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, Database, TestVault};

use super::keys::HTML;
use super::support::{ON, Visitor, home, vault};

/// The ids of the sessions that the page at `list` shows.
async fn listed(visitor: &Visitor, list: &str) -> Vec<String> {
    let page = visitor.get(list).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let start = format!("action=\"{list}/");
    let ids = page.text.split(&start).skip(1);
    let ids = ids.map(|rest| rest.split('/').next().unwrap().to_owned());
    ids.collect()
}

fn list(api: &Api) -> String {
    format!("{}/sessions", home(api))
}

/// The row of the session `id`.
async fn row(visitor: &Visitor, list: &str, id: &str) -> String {
    let page = visitor.get(list).await;
    let rows = page.text.split("<tr>").map(str::to_owned);
    let mut rows = rows.filter(|row| row.contains(&format!("/{id}/end")));
    rows.next().expect("a row")
}

#[tokio::test]
async fn an_administrator_sees_all_sessions_and_ends_one() {
    let vault = vault().await;
    let list = list(&vault.admin);
    let admin = Visitor::signed_in(&vault.admin).await;
    let own = listed(&admin, &list).await.pop().unwrap();
    let (key, key_id) = issued(&vault.admin, HTML).await;
    let one = Visitor::signed_in(&key).await;
    let two = Visitor::signed_in(&key).await;
    let ids = listed(&admin, &list).await;
    assert_eq!(ids.len(), 3);
    let newest = ids.iter().find(|id| **id != own).unwrap();
    let shown = row(&admin, &list, newest).await;
    for text in [
        key_id.as_str(),
        "API key",
        "&#60;img src=x",
        "127.0.0.1",
        "signed in",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    assert!(!shown.contains("<img") && !shown.contains("(this session)"));
    assert!(row(&admin, &list, &own).await.contains("(this session)"));
    // Neither a secret nor a digest is on the page.
    let page = admin.get(&list).await.text;
    assert!(!page.contains("srw_") && page.len() < 60 * 1024);

    let end = format!("{list}/{newest}/end");
    let page = admin.submit(&list, &end, &[]).await;
    assert_eq!(page.location.as_deref(), Some(list.as_str()));
    assert_ne!(one.is_out().await, two.is_out().await, "one of the two");
    assert_eq!(listed(&admin, &list).await.len(), 2);
    // Once more is no error, and is not recorded again.
    assert_eq!(admin.submit(&list, &end, &[]).await.status, 303);
    let ends = ended(&vault.admin).await;
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert_eq!(ends[0]["key_id"], newest.as_str());
    assert_eq!(ends[0]["details"]["reason"], "closed");

    let page = admin.submit(&list, &format!("{list}/{own}/end"), &[]).await;
    assert_eq!(page.location.as_deref(), Some("/console/sign-in"));
    assert!(admin.is_out().await);
}

/// A key with this name, and its id.
async fn issued(api: &Api, name: &str) -> (Api, String) {
    let body = json!({"name": name, "role": "member"});
    let path = "/organizations/api-keys";
    let key = api.call(Method::POST, path, &body, 201).await;
    let text = |member: &str| key[member].as_str().unwrap().to_owned();
    (api.with_key(&text("api_key")), text("key_id"))
}

async fn ended(api: &Api) -> Vec<Value> {
    let path = "/organizations/config/audit-events?action=console.sign_out";
    let events = api.call(Method::GET, path, &Value::Null, 200).await;
    events.as_array().unwrap().clone()
}

#[tokio::test]
async fn a_key_without_keys_manage_sees_and_ends_its_own_sessions_alone() {
    let vault = vault().await;
    let list = list(&vault.admin);
    let admin = Visitor::signed_in(&vault.admin).await;
    let others = listed(&admin, &list).await.pop().unwrap();
    let member = Visitor::signed_in(&vault.member).await;
    let second = Visitor::signed_in(&vault.member).await;
    let page = member.get(&home(&vault.admin)).await;
    assert!(
        page.text.contains(&format!("href=\"{list}\"")),
        "in the navigation"
    );
    let ids = listed(&member, &list).await;
    assert!(ids.len() == 2 && !ids.contains(&others), "{ids:?}");
    let page = member
        .submit(&list, &format!("{list}/{others}/end"), &[])
        .await;
    assert_eq!(page.status, 403, "{}", page.text);
    assert!(!admin.is_out().await);
    let newest = row(&member, &list, &ids[0]).await;
    let (this, other) = match newest.contains("(this session)") {
        true => (&ids[0], &ids[1]),
        false => (&ids[1], &ids[0]),
    };
    assert_ne!(this, other);
    let end = format!("{list}/{other}/end");
    assert_eq!(member.submit(&list, &end, &[]).await.status, 303);
    assert!(second.is_out().await && !member.is_out().await);
    // What is no session of this organization is not found, and nothing is said of it.
    let unknown = format!("{list}/0190a1b2-0000-7000-8000-0123456789ab/end");
    assert_eq!(member.submit(&list, &unknown, &[]).await.status, 303);
    let nonsense = format!("{list}/x/end");
    assert_eq!(member.submit(&list, &nonsense, &[]).await.status, 404);
}

#[tokio::test]
async fn sessions_belong_to_the_organization_of_their_key() {
    let vault = vault().await;
    let root = vault.root();
    let child = root.new_suborganization("child").await;
    let above = Visitor::signed_in(&root).await;
    let below = Visitor::signed_in(&child).await;
    let here = list(&child);
    // The parent's key acts in the tenant: its own session is listed in its own organization.
    let ids = listed(&above, &here).await;
    assert_eq!(ids.len(), 1);
    assert_eq!(listed(&below, &here).await, ids);
    let end = format!("{here}/{}/end", ids[0]);
    let theirs = format!("{}/{}/end", list(&root), ids[0]);
    assert_eq!(above.submit(&here, &theirs, &[]).await.status, 303);
    assert!(!below.is_out().await, "another organization");
    assert_eq!(above.submit(&here, &end, &[]).await.status, 303);
    assert!(below.is_out().await && !above.is_out().await);
    let ends = ended(&root.acting_in(&child.org)).await;
    assert_eq!(ends[0]["details"]["home_organization"], root.org.as_str());

    let body = json!({"name": "l", "permissions": ["credentials:list"],
        "organizations": "descendants"});
    let (lister, _) = root.issue(body).await;
    let lister = Visitor::signed_in(&lister).await;
    assert_eq!(lister.get(&here).await.status, 403);
    let page = lister.get(&home(&child)).await;
    assert!(!page.text.contains(&format!("href=\"{here}\"")));
}

#[tokio::test]
async fn the_list_marks_what_the_trail_does_not_prove() {
    // A sharded cluster does not accept these alterations as they are.
    let vault = TestVault::start_on(Database::create_unsharded().await, &ON).await;
    let list = list(&vault.admin);
    let admin = Visitor::signed_in(&vault.admin).await;
    let member = Visitor::signed_in(&vault.member).await;
    let ids = listed(&admin, &list).await;
    let own = row(&admin, &list, &ids[0]).await.contains("(this session)");
    let id = &ids[usize::from(own)];
    let database = vault.database.connect().await;
    let keep = "create table kept as select * from console_sessions";
    database.batch_execute(keep).await.unwrap();
    let unproved = "the audit trail does not prove it";
    for change in [
        "update console_sessions set created_at = created_at + interval '1 second'",
        "update console_sessions set holder_id = (select key_id from api_keys \
         where role = 'admin' limit 1)",
        "update console_sessions set holder_kind = 'client'",
    ] {
        let change = format!("{change} where session_id = '{id}'");
        database.batch_execute(&change).await.unwrap();
        assert!(row(&admin, &list, id).await.contains(unproved), "{change}");
        assert!(member.is_out().await);
        let undo = "delete from console_sessions; insert into console_sessions \
                    select * from kept";
        database.batch_execute(undo).await.unwrap();
        assert!(row(&admin, &list, id).await.contains("signed in"));
    }
    // A session that has ended, and whose row is put back.
    let end = format!("{list}/{id}/end");
    assert_eq!(admin.submit(&list, &end, &[]).await.status, 303);
    let put_back =
        format!("insert into console_sessions select * from kept where session_id = '{id}'");
    database.batch_execute(&put_back).await.unwrap();
    assert!(row(&admin, &list, id).await.contains(unproved));
    assert_eq!(admin.submit(&list, &end, &[]).await.status, 303);
    // What has ended by its time is not listed.
    let age = "update console_sessions set last_seen_at = now() - interval '16 minutes'";
    database
        .batch_execute(&format!("{put_back}; {age} where session_id = '{id}'"))
        .await
        .unwrap();
    assert_eq!(listed(&admin, &list).await.len(), 1);
}

#[tokio::test]
async fn sessions_of_clients_are_listed_with_their_names() {
    let vault = vault().await;
    let list = list(&vault.admin);
    let body = json!({"client_name": "a program", "scopes": ["credentials:list"],
        "grant_types": ["client_credentials"]});
    let made = vault
        .admin
        .call(Method::POST, "/oauth2/clients", &body, 201)
        .await;
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let (id, secret) = (text("client_id"), text("client_secret"));
    let mut client = Visitor::new(&vault.admin.url);
    client
        .sign_in(&[("client_id", &id), ("secret", &secret)])
        .await;
    let page = client.get(&list).await;
    for shown in ["a program", &id, "(this session)", "signed in"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    let admin = Visitor::signed_in(&vault.admin).await;
    let page = admin.get(&list).await;
    assert!(page.text.contains("a program") && page.text.contains(&id));
}
