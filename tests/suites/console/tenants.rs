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
async fn a_tenant_is_deleted_with_those_below_it_once_its_name_is_typed() {
    let vault = vault().await;
    let root = vault.root();
    let visitor = Visitor::signed_in(&root).await;
    let list = format!("{}/tenants", home(&root));
    let tenant = created(&visitor, &list).await;
    let below = tenant.new_suborganization("inner").await;
    let deepest = root
        .acting_in(&below.org)
        .new_suborganization("deepest")
        .await;
    let credential = tenant.create("secret").await;
    below.create("secret").await;
    let inside = Visitor::signed_in(&below).await;
    let delete = format!("{list}/{}/delete", tenant.org);
    let page = visitor.get(&delete).await;
    for (what, number) in [
        ("Tenants below it", 2),
        ("Credentials", 2),
        ("API keys", 3),
        ("OAuth 2.0 clients", 0),
    ] {
        let shown = format!("<dt>{what}</dt><dd>{number}</dd>");
        assert!(page.text.contains(&shown), "{shown}: {}", page.text);
    }
    let submit = async |below: &str, name: &str| {
        let fields = [("below", below), ("confirmation", name)];
        visitor.submit(&delete, &delete, &fields).await
    };
    for (below, name, status) in [
        ("2", "", 422),
        ("2", "customer 43", 422),
        ("2", "Customer 42", 422),
        ("1", "customer 42", 422),
        ("", "customer 42", 400),
    ] {
        let page = submit(below, name).await;
        assert_eq!(page.status, status, "{below} {name}: {}", page.text);
    }
    assert_eq!(tenant.list().await.len(), 1);
    assert_eq!(submit("2", " customer  42 ").await.status, 303);
    assert!(inside.is_out().await);
    for gone in [&tenant, &below, &deepest] {
        let page = visitor.get(&home(gone)).await;
        assert_eq!(page.status, 404, "{}", gone.org);
    }
    restored_in_order(&visitor, &list, [&tenant, &below, &deepest]).await;
    // What was signed in before the deletion stays signed out.
    assert!(inside.is_out().await);
    let found = tenant.secret(&credential).await;
    assert_eq!(found["api_key"], "secret");
}

/// Parents come back before their children.
async fn restored_in_order(visitor: &Visitor, list: &str, tenants: [&Api; 3]) {
    let restore = async |tenant: &Api| {
        let path = format!("{list}/{}/restore", tenant.org);
        visitor.submit(list, &path, &[]).await.status
    };
    assert_eq!(restore(tenants[2]).await, 409);
    for tenant in tenants {
        assert_eq!(restore(tenant).await, 303, "{}", tenant.org);
        tenant
            .call(Method::GET, "/organizations", &Value::Null, 200)
            .await;
    }
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
            .post(
                &path,
                &[("csrf_token", &token), ("name", "x"), ("below", "0")],
            )
            .await;
        assert_eq!(page.status, 404, "{path}");
    }
}
