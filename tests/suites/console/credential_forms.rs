//! Forms of credentials.

use fantoccini::Locator;
use fantoccini::key::Key;
use serde_json::json;
use strongroom_e2e::BrowserSettings;

use super::credentials::{User, start};
use super::keys::hidden;
use super::support::{Visitor, home, vault};

#[tokio::test]
async fn the_keyboard_alone_creates_a_credential() {
    let (_vault, browser) = start(BrowserSettings::default()).await;
    let user = User(&browser);
    let press = async |keys: &[&str]| {
        for key in keys {
            let focused = browser.page.active_element().await.unwrap();
            focused.send_keys(key).await.unwrap();
        }
    };
    let (tab, enter) = (
        char::from(Key::Tab).to_string(),
        char::from(Key::Enter).to_string(),
    );
    let tab_to = async |text: &str| {
        for _ in 0..40 {
            press(&[&tab]).await;
            let focused = browser.page.active_element().await.unwrap();
            let name = focused.attr("name").await.unwrap().unwrap_or_default();
            if name == text || focused.text().await.unwrap() == text {
                return;
            }
        }
        panic!("Tab does not reach {text}");
    };
    tab_to("Credentials").await;
    press(&[&enter]).await;
    user.sees("There are no credentials yet.").await;
    tab_to("New credential").await;
    press(&[&enter]).await;
    user.sees("generic, api_key").await;
    tab_to("extcred_label").await;
    press(&["typed"]).await;
    tab_to("json_blob.api_key").await;
    press(&["secret", &enter]).await;
    user.sees("The credential was created.").await;
}

#[tokio::test]
async fn fields_follow_the_type_and_say_what_is_wrong_and_forget_secrets() {
    let (_vault, browser) = start(BrowserSettings::default()).await;
    let user = User(&browser);
    user.click("//nav//a[.='Credentials']").await;
    user.click("//a[.='New credential']").await;
    user.type_into("extcred_label", "typed before").await;
    user.click("//select[@id='type']/option[.='client_credentials']")
        .await;
    user.type_into("json_blob.client_id", "the-client").await;
    let value = async |id: &str| {
        let field = browser.page.find(Locator::Id(id)).await.unwrap();
        field.prop("value").await.unwrap().unwrap_or_default()
    };
    assert_eq!(value("extcred_label").await, "typed before");
    user.type_into("extcred_label", "kept").await;
    user.click("//button[.='Create']").await;
    user.sees("Client secret: is required").await;
    assert_eq!(value("json_blob.client_id").await, "the-client");
    assert_eq!(value("extcred_label").await, "kept");
    user.type_into("json_blob.client_secret", "canary-secret")
        .await;
    let id = browser
        .page
        .find(Locator::Id("json_blob.client_id"))
        .await
        .unwrap();
    id.clear().await.unwrap();
    user.click("//button[.='Create']").await;
    user.sees("Client id: is required").await;
    assert_eq!(value("json_blob.client_secret").await, "");
    assert!(
        !browser
            .page
            .source()
            .await
            .unwrap()
            .contains("canary-secret")
    );
}

#[tokio::test]
async fn a_lost_update_is_refused_in_words() {
    let vault = vault().await;
    let id = vault.admin.create("first").await;
    let path = format!("{}/credentials/{id}", home(&vault.admin));
    let visitor = Visitor::signed_in(&vault.admin).await;
    let page = visitor.get(&format!("{path}/edit")).await;
    let after = |name: &str| {
        let rest = page
            .text
            .split(&format!("name=\"{name}\" value=\""))
            .nth(1)
            .unwrap();
        rest.split('"')
            .next()
            .unwrap()
            .replace("&#34;", "\"")
            .replace("&quot;", "\"")
    };
    let (token, etag) = (after("csrf_token"), after("etag"));
    vault
        .admin
        .call(
            reqwest::Method::PATCH,
            &format!("{}/{id}", strongroom_e2e::CREDENTIALS),
            &json!({"extcred_label": "theirs"}),
            204,
        )
        .await;
    let fields = [
        ("csrf_token", token.as_str()),
        ("etag", &etag),
        ("extcred_label", "mine"),
    ];
    let page = visitor.post(&format!("{path}/edit"), &fields).await;
    assert_eq!(page.status, 409, "{}", page.text);
    assert!(page.text.contains("changed since you opened the page"));
    assert!(visitor.get(&path).await.text.contains("theirs"));
}

#[tokio::test]
async fn other_tenants_credentials_are_not_there_and_roles_hold() {
    let vault = vault().await;
    let id = vault.admin.create("first").await;
    let path = format!("{}/credentials/{id}", home(&vault.admin));
    let (other, _) = vault.new_organization("other");
    let foreign = Visitor::signed_in(&other).await;
    for path in [format!("{}/credentials/{id}", home(&other)), path.clone()] {
        assert_eq!(foreign.get(&path).await.status, 404);
        let token = foreign.form_token(&home(&other)).await;
        let page = foreign
            .post(&format!("{path}/reveal"), &[("csrf_token", &token)])
            .await;
        assert_eq!(page.status, 404);
    }
    let member = Visitor::signed_in(&vault.member).await;
    let token = member.form_token(&path).await;
    let page = member
        .post(&format!("{path}/reveal"), &[("csrf_token", &token)])
        .await;
    assert_eq!(page.status, 403);
    assert!(page.text.contains("credentials:reveal") && !page.text.contains("first"));
}

#[tokio::test]
async fn a_policy_that_was_changed_meanwhile_is_not_overwritten() {
    let vault = vault().await;
    let id = vault.admin.create("secret").await;
    let visitor = Visitor::signed_in(&vault.admin).await;
    let path = format!("{}/credentials/{id}/relay-policy", home(&vault.admin));
    let policy = r#"{"hosts": ["api.example.com"], "rules": [{"methods": ["GET"]}],
        "inject": [{"header": "authorization", "prefix": "Bearer ", "from": "api_key"}]}"#;
    let put = async |version: &str| {
        let fields = [("policy", policy), ("version", version)];
        visitor.submit(&path, &path, &fields).await
    };
    let page = put("0").await;
    assert_eq!(page.status, 303, "{}", page.text);
    let page = put("0").await;
    assert_eq!(page.status, 409, "{}", page.text);
    assert!(
        page.text
            .contains("It was changed since you opened the page.")
    );
    assert_eq!(put("").await.status, 400);
    assert_eq!(
        put(&hidden(&visitor, &path, "version").await).await.status,
        303
    );
}

#[tokio::test]
async fn a_policy_that_was_changed_meanwhile_is_not_deleted() {
    let vault = vault().await;
    let id = vault.admin.create("secret").await;
    let visitor = Visitor::signed_in(&vault.admin).await;
    let path = format!("{}/credentials/{id}/relay-policy", home(&vault.admin));
    let policy = r#"{"hosts": ["api.example.com"], "rules": [{"methods": ["GET"]}],
        "inject": [{"header": "authorization", "prefix": "Bearer ", "from": "api_key"}]}"#;
    let put = async || {
        let version = hidden(&visitor, &path, "version").await;
        let fields = [("policy", policy), ("version", version.as_str())];
        assert_eq!(visitor.submit(&path, &path, &fields).await.status, 303);
    };
    put().await;
    let question = format!("{path}/delete");
    let seen = hidden(&visitor, &question, "version").await;
    put().await;
    let delete = async |version: &str| {
        let fields = [("version", version)];
        visitor.submit(&path, &question, &fields).await
    };
    let page = delete(&seen).await;
    assert_eq!(page.status, 409, "{}", page.text);
    assert!(page.text.contains("It was changed since you opened"));
    assert_eq!(delete("").await.status, 400);
    let current = hidden(&visitor, &question, "version").await;
    assert_eq!(delete(&current).await.status, 303);
    // The button was pressed twice.
    assert_eq!(delete(&current).await.status, 303);
    assert_eq!(visitor.get(&question).await.status, 404);
}

/// What a form encodes reaches the secret unchanged, also where it is longer than a page.
#[tokio::test]
async fn every_character_of_a_secret_arrives() {
    let vault = vault().await;
    let visitor = Visitor::signed_in(&vault.admin).await;
    let list = format!("{}/credentials", home(&vault.admin));
    let new = format!("{list}/new?provider=generic&type=api_key");
    let secret = "a+b %2B&=\"\\\u{7f}é漢😀".repeat(500);
    let once = hidden(&visitor, &new, "once").await;
    let fields = [
        ("once", once.as_str()),
        ("extcred_provider", "generic"),
        ("extcred_type", "api_key"),
        ("json_blob.api_key", secret.as_str()),
    ];
    let page = visitor.submit(&new, &list, &fields).await;
    assert_eq!(page.status, 303, "{}", page.text);
    let id = page.location.unwrap();
    let id = id.rsplit('/').next().unwrap();
    let stored = vault.admin.secret(id).await;
    assert_eq!(stored["api_key"], secret.as_str());
}
