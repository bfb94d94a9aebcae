//! The end of sessions, and what a party with the database can and cannot do about it.

use reqwest::Method;
use serde_json::json;
use strongroom_e2e::TestVault;

use super::support::{ON, Visitor, home, vault};

const AGE: &str = "update console_sessions set last_seen_at = now() - interval '15 minutes'";

async fn rows(vault: &TestVault) -> i64 {
    let database = vault.database.connect().await;
    let count = "select count(*) from console_sessions";
    database.query_one(count, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_session_ends_with_its_key() {
    let vault = vault().await;
    let key = vault.new_key(&vault.admin.org, "admin");
    let (visitor, other) = (
        Visitor::signed_in(&key).await,
        Visitor::signed_in(&vault.admin).await,
    );
    assert!(!visitor.is_out().await);
    let newest = vault.keys(&vault.admin.org).pop().unwrap();
    vault.revoke(&vault.admin.org, newest["key_id"].as_str().unwrap());
    assert_eq!(rows(&vault).await, 1);
    assert!(!other.is_out().await);
    strongroom_e2e::eventually("out", std::time::Duration::from_secs(5), async || {
        visitor.is_out().await
    })
    .await;
}

#[tokio::test]
async fn a_session_without_requests_ends_and_stays_ended() {
    let vault = vault().await;
    let visitor = Visitor::signed_in(&vault.admin).await;
    let database = vault.database.connect().await;
    let nearly = AGE.replace("15", "14");
    database.batch_execute(&nearly).await.unwrap();
    assert!(!visitor.is_out().await);
    // That request was stored.
    let recent = "select last_seen_at > now() - interval '1 minute' from console_sessions";
    assert!(
        database
            .query_one(recent, &[])
            .await
            .unwrap()
            .get::<_, bool>(0)
    );
    let keep = "create table kept as select * from console_sessions";
    database.batch_execute(keep).await.unwrap();
    database.batch_execute(AGE).await.unwrap();
    assert!(visitor.is_out().await);
    assert_eq!(rows(&vault).await, 0);
    let put_back = "insert into console_sessions select * from kept";
    database.batch_execute(put_back).await.unwrap();
    assert!(visitor.is_out().await);
    vault
        .server
        .wait_for_log("a session of the console that has ended is in the database again");
}

#[tokio::test]
async fn no_row_that_was_altered_makes_a_session() {
    let vault = vault().await;
    let visitor = Visitor::signed_in(&vault.member).await;
    let database = vault.database.connect().await;
    let keep = "create table kept as select * from console_sessions; \
                create table kept_keys as select * from api_keys";
    database.batch_execute(keep).await.unwrap();
    let admin = "(select key_id from kept_keys where role = 'admin' limit 1)";
    for change in [
        "update console_sessions set created_at = now() + interval '1 second'".to_owned(),
        format!("update console_sessions set holder_id = {admin}"),
        "update console_sessions set holder_kind = 'client'".to_owned(),
        "update console_sessions set digest = decode(repeat('00', 32), 'hex')".to_owned(),
        "update api_keys set role = 'admin'".to_owned(),
        "update api_keys set expires_at = now() + interval '1 year'".to_owned(),
    ] {
        // Cached keys are those that were read before.
        let epoch = "update key_epoch set epoch = gen_random_uuid()";
        database
            .batch_execute(&format!("{change}; {epoch}"))
            .await
            .unwrap();
        let gone =
            strongroom_e2e::eventually("out", std::time::Duration::from_secs(10), async || {
                visitor.is_out().await
            });
        gone.await;
        let undo = "delete from console_sessions; insert into console_sessions select * from kept;
                    update api_keys k set role = o.role, expires_at = o.expires_at
                    from kept_keys o where o.key_id = k.key_id;
                    update key_epoch set epoch = gen_random_uuid()";
        database.batch_execute(undo).await.unwrap();
        strongroom_e2e::eventually("back", std::time::Duration::from_secs(10), async || {
            !visitor.is_out().await
        })
        .await;
    }
}

#[tokio::test]
async fn all_sessions_of_a_key_are_closed_at_once() {
    let vault = vault().await;
    let one = Visitor::signed_in(&vault.admin).await;
    let two = Visitor::signed_in(&vault.admin).await;
    let member = Visitor::signed_in(&vault.member).await;
    let page = one
        .submit(&home(&vault.admin), "/console/close-sessions", &[])
        .await;
    assert_eq!(page.status, 303);
    assert!(one.is_out().await && two.is_out().await && !member.is_out().await);
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before() {
    let vault = vault().await;
    let mut visitor = Visitor::signed_in(&vault.admin).await;
    let before = visitor.clone();
    // An attempt that fails leaves it.
    let page = visitor.post("/console/sign-in", &[("secret", "x")]).await;
    assert_eq!(page.status, 403);
    assert!(!before.is_out().await);
    let page = visitor.sign_in(&[("secret", &vault.member.key)]).await;
    assert_eq!(page.status, 303, "{}", page.text);
    assert!(before.is_out().await && !visitor.is_out().await);
    assert_eq!(rows(&vault).await, 1);
}

#[tokio::test]
async fn a_session_that_ended_says_so_on_the_form_for_signing_in() {
    let vault = vault().await;
    let visitor = Visitor::signed_in(&vault.admin).await;
    let home = home(&vault.admin);
    visitor.submit(&home, "/console/sign-out", &[]).await;
    let page = visitor.get(&home).await;
    let flash = page.cookies.iter();
    let flash = flash.filter_map(|cookie| cookie.split(';').next());
    let flash = flash.filter(|cookie| cookie.starts_with("strongroom_flash="));
    let mut fresh = Visitor::new(&vault.admin.url);
    fresh.cookie = flash.map(str::to_owned).next();
    let page = fresh.get(&page.location.unwrap()).await;
    assert!(
        page.text.contains("Your session has ended."),
        "{}",
        page.text
    );
    // Without a session there is nothing to say.
    let page = Visitor::new(&vault.admin.url).get(&home).await;
    assert!(page.cookies.is_empty());
}

#[tokio::test]
async fn the_sessions_of_another_key_or_client_are_closed() {
    let vault = vault().await;
    let admin = Visitor::signed_in(&vault.admin).await;
    let (key, id) = vault.admin.issue(json!({"role": "member"})).await;
    let one = Visitor::signed_in(&key).await;
    let end = format!("{}/keys/{id}/end", home(&vault.admin));
    let close = format!("{}/keys/{id}/close-sessions", home(&vault.admin));
    let page = one.submit(&home(&key), &close, &[]).await;
    assert_eq!(page.status, 403, "{}", page.text);
    let page = admin.submit(&end, &close, &[]).await;
    assert_eq!(page.location, Some(format!("{}/keys", home(&vault.admin))));
    assert!(one.is_out().await && !admin.is_out().await);
    assert!(!Visitor::signed_in(&key).await.is_out().await);

    let body = json!({"client_name": "c", "scopes": ["credentials:list"],
        "grant_types": ["client_credentials"]});
    let made = vault
        .admin
        .call(Method::POST, "/oauth2/clients", &body, 201);
    let made = made.await;
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let (id, secret) = (text("client_id"), text("client_secret"));
    let mut client = Visitor::new(&vault.admin.url);
    client
        .sign_in(&[("client_id", &id), ("secret", &secret)])
        .await;
    let page = format!("{}/clients/{id}", home(&vault.admin));
    let close = format!("{page}/close-sessions");
    assert!(!client.is_out().await);
    assert_eq!(admin.submit(&page, &close, &[]).await.status, 303);
    assert!(client.is_out().await && !admin.is_out().await);

    // Another organization's key is not found.
    let (other, _) = vault.new_organization("other");
    let (_, id) = other.issue(json!({"role": "member"})).await;
    let theirs = format!("{}/keys/{id}/close-sessions", home(&vault.admin));
    let page = admin.submit(&home(&vault.admin), &theirs, &[]).await;
    assert_eq!(page.status, 404);
}

#[tokio::test]
async fn old_sessions_are_removed() {
    let mut vault = vault().await;
    let visitor = Visitor::signed_in(&vault.admin).await;
    let database = vault.database.connect().await;
    let age = "update console_sessions set created_at = now() - interval '9 hours'";
    database.batch_execute(age).await.unwrap();
    assert!(visitor.is_out().await);
    assert_eq!(rows(&vault).await, 1);
    // Servers prune when they start.
    vault.replace_server(&ON).await;
    strongroom_e2e::eventually("pruned", std::time::Duration::from_secs(10), async || {
        rows(&vault).await == 0
    })
    .await;
}
