//! The pages of keys.

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, api_key};

use super::support::{Page, Visitor, home, vault};

pub(super) const HTML: &str = "\"><img src=x onerror=alert(1)>";

/// The secret that a page shows once.
pub(super) fn shown(page: &Page) -> &str {
    assert_eq!(page.status, 200, "{}", page.text);
    let after = page.text.split("<pre id=\"secret\"").nth(1).unwrap();
    after.split('>').nth(1).unwrap().split('<').next().unwrap()
}

/// The value of the hidden field `name` on the page at `path`.
pub(super) async fn hidden(visitor: &Visitor, path: &str, name: &str) -> String {
    let page = visitor.get(path).await;
    assert_eq!(page.status, 200, "{path}: {}", page.text);
    let field = format!("name=\"{name}\" value=\"");
    let after = page.text.split(&field).nth(1).expect("the field");
    after.split('"').next().unwrap().to_owned()
}

/// Sends the form at `path`, which is opened now.
pub(super) async fn submit(visitor: &Visitor, path: &str, fields: &[(&str, &str)]) -> Page {
    let opened = hidden(visitor, path, "opened_at").await;
    let fields = [&[("opened_at", opened.as_str())], fields].concat();
    visitor.submit(path, path, &fields).await
}

async fn key_named(api: &Api, name: &str) -> Vec<Value> {
    let path = "/organizations/api-keys";
    let keys = api.call(Method::GET, path, &Value::Null, 200).await;
    let keys = keys.as_array().unwrap().clone();
    keys.into_iter().filter(|key| key["name"] == name).collect()
}

/// What is typed, and what the page says beside which field.
const WRONG: &[((&str, &str), &str, &str)] = &[
    (
        ("role", "reader"),
        "role",
        "would exceed what your own key holds",
    ),
    (("role", "god"), "role", "must be admin"),
    (("credentials:reveal", "on"), "permissions", "would exceed"),
    (("organizations", "all"), "organizations", "must be own or"),
    (
        ("organizations", "descendants"),
        "organizations",
        "would exceed",
    ),
    (
        ("networks", "10.0.0.0/99"),
        "networks",
        "must be networks such as",
    ),
    (
        ("ids", "0190a1b2-0000-7000-8000-0123456789ab x"),
        "ids",
        "must be ids of credentials",
    ),
    (
        ("expires_at", "2001-01-31T12:00"),
        "expires_at",
        "must be in the future",
    ),
    (("expires_at", "soon"), "expires_at", "must be a time"),
    (("name", ""), "name", "must not be empty"),
    (("name", "a\u{7}b"), "name", "control characters"),
];

#[tokio::test]
async fn a_key_is_shown_once_and_a_repeated_form_issues_no_other() {
    let vault = vault().await;
    let visitor = Visitor::signed_in(&vault.admin).await;
    let path = format!("{}/keys/new", home(&vault.admin));
    let opened = hidden(&visitor, &path, "opened_at").await;
    let fields = [
        ("opened_at", opened.as_str()),
        ("name", "shop reader"),
        ("role", "reader"),
        ("label_prefix", "shop/"),
        ("networks", "127.0.0.1\r\n10.0.0.0/8"),
        ("expires_at", "2999-01-31T12:00"),
    ];
    let page = visitor.submit(&path, &path, &fields).await;
    let key = shown(&page).to_owned();
    assert!(
        page.text.contains("labels that begin with “shop/”"),
        "{}",
        page.text
    );
    let list = visitor.get(&format!("{}/keys", home(&vault.admin))).await;
    assert!(list.text.contains("shop reader") && !list.text.contains(&key));
    let [stored] = key_named(&vault.admin, "shop reader")
        .await
        .try_into()
        .unwrap();
    assert_eq!(stored["credentials"], json!({"label_prefix": "shop/"}));
    assert_eq!(stored["networks"], json!(["127.0.0.1/32", "10.0.0.0/8"]));
    assert_eq!(stored["expires_at"], "2999-01-31T12:00:00Z");
    for label in ["shop/1", "other"] {
        let mut body = api_key("secret");
        body["extcred_label"] = label.into();
        vault.admin.create_from(&body).await;
    }
    let seen = vault.admin.with_key(&key).list().await;
    assert_eq!(seen.len(), 1, "{seen:?}");
    // A reload of the page sends the form again.
    let page = visitor.submit(&path, &path, &fields).await;
    assert_eq!(page.status, 409, "{}", page.text);
    assert!(
        page.text
            .contains("has issued a key with this name already")
    );
    // The form of the answer is the same one still.
    let field = format!("name=\"opened_at\" value=\"{opened}\"");
    assert!(page.text.contains(&field), "{}", page.text);
    assert_eq!(key_named(&vault.admin, "shop reader").await.len(), 1);
    // One that is opened again says so on purpose.
    assert_eq!(submit(&visitor, &path, &fields[1..]).await.status, 200);
}

#[tokio::test]
async fn errors_stand_beside_their_fields_and_what_was_typed_stays() {
    let vault = vault().await;
    let limits = json!({"permissions": ["keys:manage", "credentials:list"]});
    let (limited, _) = vault.admin.issue(limits).await;
    let visitor = Visitor::signed_in(&limited).await;
    let path = format!("{}/keys/new", home(&limited));
    for ((name, value), field, message) in WRONG.iter().copied() {
        let mut fields = vec![
            ("name", "typed name"),
            ("credentials:list", "on"),
            ("label_prefix", "typed prefix"),
        ];
        fields.retain(|(other, _)| *other != name && !(name == "role" && other.contains(':')));
        fields.push((name, value));
        let page = submit(&visitor, &path, &fields).await;
        assert_eq!(page.status, 422, "{name}={value}: {}", page.text);
        let beside = format!("id=\"{field}-error\">");
        let beside = page.text.split(&beside).nth(1).unwrap_or_default();
        let beside = beside.split('<').next().unwrap();
        assert!(beside.contains(message), "{name}={value}: {beside:?}");
        assert!(page.text.contains("value=\"typed prefix\""));
        assert!(page.text.contains("value=\"typed name\"") || name == "name");
    }
    let both = [
        ("name", "x"),
        ("role", "member"),
        ("credentials:list", "on"),
    ];
    let page = submit(&visitor, &path, &both).await;
    assert!(page.text.contains("cannot be used together with a role"));
    assert!(key_named(&vault.admin, "typed name").await.is_empty());
}

#[tokio::test]
async fn a_key_ends_after_its_successor_was_issued_or_at_once() {
    let vault = vault().await;
    let visitor = Visitor::signed_in(&vault.admin).await;
    let limits = json!({"role": "reader", "credentials": {"label_prefix": "shop/"}});
    let (old, id) = vault.admin.issue(limits).await;
    let path = format!("{}/keys/new?replaces={id}", home(&vault.admin));
    let page = visitor.get(&path).await;
    assert!(page.text.contains("value=\"shop/\""), "{}", page.text);
    let form = path.split('?').next().unwrap();
    let opened = hidden(&visitor, &path, "opened_at").await;
    let fields = [
        ("opened_at", opened.as_str()),
        ("name", "successor"),
        ("role", "reader"),
        ("label_prefix", "shop/"),
        ("replaces", &id),
        ("overlap", "7d"),
    ];
    let page = visitor.submit(&path, form, &fields).await;
    let new = vault.admin.with_key(shown(&page));
    assert!(old.list().await.is_empty() && new.list().await.is_empty());
    let [stored] = key_named(&vault.admin, "test").await.try_into().unwrap();
    assert!(
        stored["ends_at"].is_string() && stored["revoked_at"].is_null(),
        "{stored}"
    );
    let end = format!("{}/keys/{id}/end", home(&vault.admin));
    assert_eq!(visitor.submit(&end, &end, &[]).await.status, 422);
    let page = visitor.submit(&end, &end, &[("when", "now")]).await;
    assert_eq!(page.status, 303, "{}", page.text);
    let [stored] = key_named(&vault.admin, "test").await.try_into().unwrap();
    assert!(stored["revoked_at"].is_string(), "{stored}");
    assert_eq!(visitor.get(&end).await.status, 404);
}

#[tokio::test]
async fn pages_need_their_permission() {
    let vault = vault().await;
    let member = Visitor::signed_in(&vault.member).await;
    let home = home(&vault.member);
    let page = member.get(&home).await;
    let token = member.form_token(&home).await;
    for path in ["keys", "clients", "tenants"] {
        assert!(!page.text.contains(&format!("{home}/{path}\"")), "{path}");
        for path in [format!("{home}/{path}"), format!("{home}/{path}/new")] {
            assert_eq!(member.get(&path).await.status, 403, "{path}");
        }
        let fields = [
            ("csrf_token", token.as_str()),
            ("opened_at", "0"),
            ("name", "x"),
        ];
        let page = member.post(&format!("{home}/{path}/new"), &fields).await;
        assert_eq!(page.status, 403, "{path}: {}", page.text);
    }
}

#[tokio::test]
async fn long_lists_are_cut_into_small_pages() {
    let vault = vault().await;
    let body = json!({"permissions": ["credentials:list", "audit:read"]});
    for _ in 0..43 {
        vault.admin.issue(body.clone()).await;
    }
    let visitor = Visitor::signed_in(&vault.admin).await;
    let list = format!("{}/keys", home(&vault.admin));
    let page = visitor.get(&list).await;
    assert!(page.text.len() < 60 << 10, "{} bytes", page.text.len());
    assert_eq!(page.text.matches("<tr>").count(), 41);
    assert!(
        page.text.contains("?page=2\" rel=\"next\""),
        "{}",
        page.text
    );
    let page = visitor.get(&format!("{list}?page=2")).await;
    assert!(
        page.text.contains("?page=1\" rel=\"prev\""),
        "{}",
        page.text
    );
}

#[tokio::test]
async fn pages_of_long_names_stay_small() {
    let vault = vault().await;
    let long = "\"".repeat(256);
    let body = json!({"name": long, "role": "reader", "credentials": {"label_prefix": long}});
    for _ in 0..30 {
        let path = "/organizations/api-keys";
        vault.admin.call(Method::POST, path, &body, 201).await;
    }
    let visitor = Visitor::signed_in(&vault.admin).await;
    let list = format!("{}/keys", home(&vault.admin));
    let (mut next, mut rows) = (Some(list.clone()), 0);
    while let Some(path) = next {
        let page = visitor.get(&path).await;
        assert!(page.text.len() < 60 << 10, "{} bytes", page.text.len());
        rows += page.text.matches("<tr>").count() - 1;
        let link = page.text.split("\" rel=\"next\"").next();
        let link = link.filter(|before| before.len() < page.text.len());
        next = link.map(|before| before.rsplit('"').next().unwrap().to_owned());
    }
    let count = vault.keys(&vault.admin.org).len();
    assert_eq!(rows, count);
}
