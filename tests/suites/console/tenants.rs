//! The pages of tenants.

use reqwest::Method;
use serde_json::Value;
use strongroom_e2e::Api;

use super::keys::{HTML, hidden, shown};
use super::support::{Visitor, home, vault};

/// Creates a tenant; returns the holder of its first key.
async fn created(visitor: &Visitor, list: &str) -> Api {
    let new = format!("{list}/new");
    let opened = hidden(visitor, &new, "opened_at").await;
    let fields = [("opened_at", opened.as_str()), ("name", "customer 42")];
    let page = visitor.submit(&new, &new, &fields).await;
    let key = shown(&page).to_owned();
    let id = page.text.split("<dt>Id</dt><dd>").nth(1).unwrap();
    let id = id.split('<').next().unwrap().to_owned();
    let tenant = Api::new(&visitor.url, &id, &key);
    assert!(tenant.list().await.is_empty());
    assert_eq!(visitor.submit(&new, &new, &fields).await.status, 409);
    tenant
}

#[tokio::test]
async fn a_tenant_is_created_once_found_and_renamed() {
    let vault = vault().await;
    let root = vault.root();
    let visitor = Visitor::signed_in(&root).await;
    let list = format!("{}/tenants", home(&root));
    let tenant = created(&visitor, &list).await;
    let id = &tenant.org;
    let below = tenant.new_suborganization("inner").await;
    let page = visitor.get(&list).await;
    assert!(
        page.text
            .contains("class=\"level-2\"><span id=\"n2\">inner</span>"),
        "{}",
        page.text
    );
    assert!(page.text.contains("in customer 42"), "{}", page.text);
    let one = format!("{list}/{id}");
    assert_eq!(
        visitor.submit(&one, &one, &[("name", " ")]).await.status,
        422
    );
    assert_eq!(
        visitor.submit(&one, &one, &[("name", HTML)]).await.status,
        303
    );
    let page = visitor.get(&list).await;
    assert!(
        page.text.contains("&#60;img src=x") && !page.text.contains("<img"),
        "{}",
        page.text
    );
    let found = visitor.get(&format!("{list}?name=INN")).await;
    assert!(found.text.contains(&below.org) && !found.text.contains(&format!("<code>{id}")));
}

#[tokio::test]
async fn a_tenant_is_deleted_after_those_below_it_and_restored_before_them() {
    let vault = vault().await;
    let root = vault.root();
    let visitor = Visitor::signed_in(&root).await;
    let list = format!("{}/tenants", home(&root));
    let tenant = created(&visitor, &list).await;
    let id = &tenant.org;
    let below = tenant.new_suborganization("inner").await;
    let one = format!("{list}/{id}");
    let delete = format!("{one}/delete");
    let page = visitor.submit(&delete, &delete, &[]).await;
    assert_eq!(page.status, 409, "{}", page.text);
    let inner = format!("{list}/{}/delete", below.org);
    assert_eq!(visitor.submit(&inner, &inner, &[]).await.status, 303);
    assert_eq!(visitor.submit(&delete, &delete, &[]).await.status, 303);
    assert_eq!(
        visitor
            .get(&format!("/console/organizations/{id}"))
            .await
            .status,
        404
    );
    // Parents come back before their children.
    let restore = format!("{list}/{}/restore", below.org);
    assert_eq!(visitor.submit(&list, &restore, &[]).await.status, 409);
    assert_eq!(
        visitor
            .submit(&list, &format!("{one}/restore"), &[])
            .await
            .status,
        303
    );
    assert_eq!(visitor.submit(&list, &restore, &[]).await.status, 303);
    let found = root.acting_in(&below.org);
    found
        .call(Method::GET, "/organizations", &Value::Null, 200)
        .await;
}

#[tokio::test]
async fn a_key_of_one_organization_sees_tenants_and_acts_in_none() {
    let vault = vault().await;
    let child = vault.root().new_suborganization("child").await;
    let visitor = Visitor::signed_in(&vault.admin).await;
    let list = format!("{}/tenants", home(&vault.admin));
    let page = visitor.get(&list).await;
    assert!(
        page.text.contains("child") && !page.text.contains(">Open<"),
        "{}",
        page.text
    );
    let token = visitor.form_token(&list).await;
    for path in ["", "/delete", "/restore"] {
        let path = format!("{list}/{}{path}", child.org);
        let page = visitor
            .post(&path, &[("csrf_token", &token), ("name", "x")])
            .await;
        assert_eq!(page.status, 404, "{path}");
    }
}
