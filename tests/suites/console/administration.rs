//! Keys, clients and tenants in a browser.

use fantoccini::Locator;
use fantoccini::key::Key;
use reqwest::Method;
use serde_json::json;
use strongroom_e2e::{Api, Browser, BrowserSettings, api_key};

use super::keys::HTML;
use super::support::{Visitor, home, vault};

async fn enter(browser: &Browser, api: &Api) {
    let page = &browser.page;
    page.goto(&format!("{}/console", api.url)).await.unwrap();
    let secret = page.find(Locator::Id("secret")).await.unwrap();
    secret.send_keys(&api.key).await.unwrap();
    press(browser, Key::Enter).await;
    heading(browser, "Overview").await;
}

async fn heading(browser: &Browser, text: &str) {
    let found = format!("//h1[.='{text}']");
    browser
        .page
        .wait()
        .for_element(Locator::XPath(&found))
        .await
        .unwrap();
}

async fn press(browser: &Browser, key: Key) {
    let focused = browser.page.active_element().await.unwrap();
    focused
        .send_keys(&char::from(key).to_string())
        .await
        .unwrap();
}

/// Presses Tab until an element matches `selector`.
async fn tab_to(browser: &Browser, selector: &str) {
    for _ in 0..60 {
        press(browser, Key::Tab).await;
        let script = "return document.activeElement.matches(arguments[0])";
        let matches = browser
            .page
            .execute(script, vec![json!(selector)])
            .await
            .unwrap();
        if matches == json!(true) {
            return;
        }
    }
    panic!("Tab does not reach {selector}");
}

async fn type_in(browser: &Browser, text: &str) {
    let focused = browser.page.active_element().await.unwrap();
    focused.send_keys(text).await.unwrap();
}

async fn text(browser: &Browser, selector: &str) -> String {
    let found = browser.page.wait().for_element(Locator::Css(selector));
    found.await.unwrap().text().await.unwrap()
}

async fn click(browser: &Browser, xpath: &str) {
    let found = browser.page.wait().for_element(Locator::XPath(xpath));
    found.await.unwrap().click().await.unwrap();
}

#[tokio::test]
async fn a_key_for_one_label_prefix_is_issued_by_keyboard_alone() {
    let vault = vault().await;
    for label in ["shop/1", "other"] {
        let mut body = api_key("secret");
        body["extcred_label"] = label.into();
        vault.admin.create_from(&body).await;
    }
    let browser = Browser::start(BrowserSettings::default()).await;
    enter(&browser, &vault.admin).await;
    tab_to(&browser, "nav a[href$='/keys']").await;
    press(&browser, Key::Enter).await;
    heading(&browser, "API keys").await;
    tab_to(&browser, "main a[href$='/keys/new']").await;
    press(&browser, Key::Enter).await;
    heading(&browser, "Issue a key").await;
    tab_to(&browser, "#name").await;
    type_in(&browser, "shop reader").await;
    tab_to(&browser, "#label_prefix").await;
    type_in(&browser, "shop/").await;
    press(&browser, Key::Enter).await;
    heading(&browser, "The new key").await;
    let key = text(&browser, "#secret").await;
    let seen = vault.admin.with_key(&key).list().await;
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0]["extcred_label"], "shop/1");
    // A reload leads to the list, and nothing is sent again.
    browser.page.refresh().await.unwrap();
    heading(&browser, "API keys").await;
    assert!(!browser.page.source().await.unwrap().contains(&key));
}

#[tokio::test]
async fn a_tenant_is_created_acted_in_deleted_and_restored() {
    let vault = vault().await;
    let root = vault.root();
    let browser = Browser::start(BrowserSettings {
        width: 360,
        script: false,
    })
    .await;
    enter(&browser, &root).await;
    click(&browser, "//nav//a[.='Tenants']").await;
    click(&browser, "//main//a[.='Create a tenant']").await;
    browser
        .page
        .find(Locator::Id("name"))
        .await
        .unwrap()
        .send_keys("customer 42")
        .await
        .unwrap();
    click(&browser, "//button[.='Create the tenant']").await;
    heading(&browser, "The new tenant").await;
    click(&browser, "//a[.='Done']").await;
    click(&browser, "//tr[.//span='customer 42']//a[.='Open']").await;
    let banner = text(&browser, ".banner").await;
    assert!(
        banner.contains("You act in the tenant customer 42"),
        "{banner}"
    );
    click(&browser, "//aside//a").await;
    click(&browser, "//nav//a[.='Tenants']").await;
    click(&browser, "//tr[.//span='customer 42']//a[.='Delete']").await;
    let confirmation = browser.page.find(Locator::Id("confirmation")).await;
    let confirmation = confirmation.unwrap();
    confirmation.send_keys("customer 42").await.unwrap();
    click(&browser, "//button[.='Delete the tenant']").await;
    let said = text(&browser, "[role=status]").await;
    assert!(said.contains("can be restored for 7 days"), "{said}");
    click(&browser, "//tr[.//span='customer 42']//button[.='Restore']").await;
    click(&browser, "//tr[.//span='customer 42']//a[.='Open']").await;
    text(&browser, ".banner").await;
}

/// The pages, with HTML in every name.
async fn pages(root: &Api) -> Vec<String> {
    let body = json!({
        "name": HTML, "role": "reader", "credentials": {"label_prefix": HTML},
    });
    let key = root
        .call(Method::POST, "/organizations/api-keys", &body, 201)
        .await;
    Visitor::signed_in(&root.with_key(key["api_key"].as_str().unwrap())).await;
    let key = key["key_id"].as_str().unwrap().to_owned();
    let client = json!({
        "client_name": HTML, "scopes": ["credentials:list"],
        "grant_types": ["client_credentials"],
    });
    let client = root
        .call(Method::POST, "/oauth2/clients", &client, 201)
        .await;
    let client = client["client_id"].as_str().unwrap().to_owned();
    let tenant = root.new_suborganization(HTML).await.org;
    root.acting_in(&tenant).new_suborganization("inner").await;
    vec![
        "keys".to_owned(),
        "keys/new".to_owned(),
        format!("keys/new?replaces={key}"),
        format!("keys/{key}/end"),
        "sessions".to_owned(),
        "clients".to_owned(),
        "clients/new".to_owned(),
        format!("clients/{client}"),
        format!("clients/{client}/secret"),
        format!("clients/{client}/delete"),
        "tenants".to_owned(),
        "tenants?name=%22%3E%3Cimg+src=x%20onerror=alert(1)%3E".to_owned(),
        "tenants/new".to_owned(),
        format!("tenants/{tenant}"),
        format!("tenants/{tenant}/delete"),
    ]
}

async fn check(browser: &Browser, path: &str) {
    let found = browser.serious_violations().await;
    assert_eq!(found, Vec::<String>::new(), "{path}");
    assert_eq!(browser.overflow().await, 0, "{path}");
    let page = &browser.page;
    assert!(page.find(Locator::Css("img")).await.is_err(), "{path}");
    assert!(page.get_alert_text().await.is_err(), "{path}");
}

#[tokio::test]
async fn pages_are_accessible_narrow_and_wide_and_show_html_as_text() {
    let vault = vault().await;
    let root = vault.root();
    let (home, paths) = (home(&root), pages(&root).await);
    for width in [360, 1280] {
        let browser = Browser::start(BrowserSettings {
            width,
            ..BrowserSettings::default()
        })
        .await;
        enter(&browser, &root).await;
        for path in &paths {
            let page = &browser.page;
            page.goto(&format!("{}{home}/{path}", root.url))
                .await
                .unwrap();
            check(&browser, &format!("{path}, {width} px")).await;
            if !path.ends_with("/new") {
                let text = page.source().await.unwrap();
                assert!(text.contains("onerror=alert(1)"), "{path}: {text}");
            }
        }
        // An error, and a secret that is shown once.
        browser
            .page
            .goto(&format!("{}{home}/tenants/new", root.url))
            .await
            .unwrap();
        click(&browser, "//button[.='Create the tenant']").await;
        text(&browser, "#name-error").await;
        check(&browser, "an error").await;
        browser
            .page
            .find(Locator::Id("name"))
            .await
            .unwrap()
            .send_keys("x")
            .await
            .unwrap();
        click(&browser, "//button[.='Create the tenant']").await;
        text(&browser, "#secret").await;
        check(&browser, "a secret").await;
    }
}
