//! The pages of OAuth 2.0 clients, and ids of other organizations.

use reqwest::Method;
use serde_json::json;

use super::keys::{hidden, shown, submit};
use super::support::{Visitor, home, vault};

#[tokio::test]
async fn a_client_is_created_once() {
    let vault = vault().await;
    let visitor = Visitor::signed_in(&vault.admin).await;
    let list = format!("{}/clients", home(&vault.admin));
    let new = format!("{list}/new");
    let page = submit(
        &visitor,
        &new,
        &[("client_name", "x"), ("access_token_duration", "0")],
    )
    .await;
    assert_eq!(page.status, 422);
    for message in ["must name at least one scope", "must be from 1 to"] {
        assert!(page.text.contains(message), "{}", page.text);
    }
    created(&visitor, &list).await;
}

/// Creates a client; returns its id and its secret.
async fn created(visitor: &Visitor, list: &str) -> (String, String) {
    let new = format!("{list}/new");
    let opened = hidden(visitor, &new, "opened_at").await;
    let fields = [
        ("opened_at", opened.as_str()),
        ("client_name", "backend"),
        ("credentials:list", "on"),
        ("access_token_duration", "600"),
    ];
    let page = visitor.submit(&new, &new, &fields).await;
    let secret = shown(&page).to_owned();
    let id = page.text.split("<dt>Client id</dt><dd>").nth(1).unwrap();
    let id = id.split('<').next().unwrap().to_owned();
    let page = visitor.submit(&new, &new, &fields).await;
    let field = format!("name=\"opened_at\" value=\"{opened}\"");
    assert_eq!((page.status, page.text.contains(&field)), (409, true));
    (id, secret)
}

#[tokio::test]
async fn a_client_is_changed_gets_another_secret_and_is_deleted() {
    let vault = vault().await;
    let visitor = Visitor::signed_in(&vault.admin).await;
    let list = format!("{}/clients", home(&vault.admin));
    let (id, secret) = created(&visitor, &list).await;
    let mut as_client = Visitor::new(&vault.admin.url);
    let page = as_client
        .sign_in(&[("client_id", &id), ("secret", &secret)])
        .await;
    assert_eq!(page.status, 303);
    let one = format!("{list}/{id}");
    let changed = [
        ("client_name", "renamed"),
        ("credentials:list", "on"),
        ("audit:read", "on"),
    ];
    let changed = [&changed[..], &[("access_token_duration", "60")]].concat();
    assert_eq!(visitor.submit(&one, &one, &changed).await.status, 303);
    let page = visitor.get(&list).await;
    assert!(page.text.contains(">renamed</a>") && page.text.contains("read the audit trail"));
    let replace = format!("{one}/secret");
    let version = hidden(&visitor, &replace, "version").await;
    let version = [("version", version.as_str())];
    let page = visitor.submit(&replace, &replace, &version).await;
    let newer = shown(&page).to_owned();
    assert_ne!(newer, secret);
    assert_eq!(
        visitor.submit(&replace, &replace, &version).await.status,
        409
    );
    let page = as_client
        .sign_in(&[("client_id", &id), ("secret", &secret)])
        .await;
    assert_eq!(page.status, 403);
    let page = as_client
        .sign_in(&[("client_id", &id), ("secret", &newer)])
        .await;
    assert_eq!(page.status, 303);
    let delete = format!("{one}/delete");
    assert_eq!(visitor.submit(&delete, &delete, &[]).await.status, 303);
    assert_eq!(visitor.get(&one).await.status, 404);
}

#[tokio::test]
async fn ids_of_other_organizations_and_unknown_ones_are_not_found() {
    let vault = vault().await;
    let (other, _) = vault.new_organization("other");
    let (_, key) = other.issue(json!({"role": "member"})).await;
    let client = json!({
        "client_name": "x", "scopes": ["credentials:list"], "grant_types": ["client_credentials"],
    });
    let client = other
        .call(Method::POST, "/oauth2/clients", &client, 201)
        .await;
    let client = client["client_id"].as_str().unwrap().to_owned();
    let unknown = "0190a1b2-0000-7000-8000-0123456789ab";
    let root = Visitor::signed_in(&vault.root()).await;
    let token = root.form_token(&home(&vault.admin)).await;
    let opened = ("opened_at", "0");
    for (path, fields) in [
        (format!("keys/{key}/end"), vec![("when", "now")]),
        (format!("keys/{unknown}/end"), vec![("when", "now")]),
        ("keys/x/end".to_owned(), vec![("when", "now")]),
        (format!("clients/{client}"), vec![("client_name", "y")]),
        (format!("clients/{client}/secret"), vec![("version", "1")]),
        (format!("clients/{client}/delete"), Vec::new()),
        ("clients/x/delete".to_owned(), Vec::new()),
        (format!("tenants/{}", other.org), vec![("name", "y")]),
        (format!("tenants/{}/delete", other.org), Vec::new()),
        // Nor the organization itself.
        (format!("tenants/{}/delete", vault.admin.org), Vec::new()),
        (format!("tenants/{unknown}/delete"), Vec::new()),
    ] {
        let path = format!("{}/{path}", home(&vault.admin));
        assert_eq!(root.get(&path).await.status, 404, "{path}");
        let fields = [&[("csrf_token", token.as_str()), opened], &fields[..]].concat();
        assert_eq!(root.post(&path, &fields).await.status, 404, "{path}");
    }
    let replaces = format!("{}/keys/new?replaces={key}", home(&vault.admin));
    assert_eq!(root.get(&replaces).await.status, 404);
}
