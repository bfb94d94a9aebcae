//! Credentials in a browser.

use std::time::Duration;

use fantoccini::Locator;
use serde_json::json;
use strongroom_e2e::{Browser, BrowserSettings, TestVault, eventually};

use super::browser::sign_in;
use super::support::{home, vault};

const HOSTILE: &str = "\"><img src=x onerror=alert(1)>";

pub(super) async fn start(settings: BrowserSettings) -> (TestVault, Browser) {
    let vault = vault().await;
    let keep = json!({"versions_kept": 5, "recovery_days": 7});
    vault
        .admin
        .call(reqwest::Method::PATCH, "/organizations/config", &keep, 204)
        .await;
    let browser = Browser::start(settings).await;
    sign_in(&browser, &vault).await;
    (vault, browser)
}

/// A caller of the page in the browser.
pub(super) struct User<'a>(pub(super) &'a Browser);

impl User<'_> {
    // The script may replace what was just found.
    pub(super) async fn click(&self, xpath: &str) {
        eventually(xpath, Duration::from_secs(20), async || {
            let found = self.0.page.find(Locator::XPath(xpath)).await;
            match found {
                Ok(found) => found.click().await.is_ok(),
                Err(_) => false,
            }
        })
        .await;
    }

    pub(super) async fn type_into(&self, id: &str, text: &str) {
        let found = self.0.page.wait().for_element(Locator::Id(id)).await;
        let field = found.unwrap_or_else(|error| panic!("{id}: {error}"));
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    pub(super) async fn sees(&self, text: &str) {
        eventually(text, Duration::from_secs(20), async || {
            self.shown().await.contains(text)
        })
        .await;
    }

    pub(super) async fn shown(&self) -> String {
        let body = self.0.page.find(Locator::Css("body")).await;
        match body {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    pub(super) async fn create(&self, label: &str, secret: &str) {
        self.click("//nav//a[.='Credentials']").await;
        self.click("//a[.='New credential']").await;
        self.type_into("extcred_label", label).await;
        self.type_into("json_blob.api_key", secret).await;
        self.click("//button[.='Create']").await;
        self.sees("The credential was created.").await;
    }
}

async fn whole_life(settings: BrowserSettings) {
    let (_vault, browser) = start(settings).await;
    let user = User(&browser);
    user.create("billing", "first-secret").await;
    user.click("//nav//a[.='Credentials']").await;
    user.type_into("filter-label", "billing").await;
    user.click("//button[.='Filter']").await;
    user.click("//table//a[.='billing']").await;
    user.type_into("reason", "ticket 42").await;
    user.click("//button[.='Reveal']").await;
    user.sees("first-secret").await;
    user.click("//a[starts-with(., 'Back to')]").await;
    user.sees("ticket 42").await;
    user.click("//a[.='Change']").await;
    user.type_into("json_blob.api_key", "second-secret").await;
    user.click("//button[.='Save']").await;
    user.sees("The change is saved.").await;
    assert!(!user.shown().await.contains("second-secret"));
    user.click("//button[starts-with(., 'Roll back')]").await;
    user.sees("is the current one now").await;
    user.click("//button[.='Reveal']").await;
    user.sees("first-secret").await;
    user.click("//a[starts-with(., 'Back to')]").await;
    user.click("//button[.='Delete this credential']").await;
    user.sees("The credential was deleted.").await;
    user.click("//button[.='Undo']").await;
    user.sees("The credential is restored.").await;
    user.click("//a[starts-with(., 'Destroy')]").await;
    user.sees("this cannot be undone").await;
    user.click("//input[@name='require_adopted']").await;
    user.click("//button[.='Destroy the value']").await;
    user.sees("The value is destroyed.").await;
}

#[tokio::test]
async fn a_credential_lives_its_life_in_pages() {
    whole_life(BrowserSettings::default()).await;
}

#[tokio::test]
async fn a_credential_lives_its_life_without_script() {
    let settings = BrowserSettings {
        script: false,
        ..BrowserSettings::default()
    };
    whole_life(settings).await;
}

#[tokio::test]
async fn html_in_a_label_is_text_and_pages_fit_and_are_accessible() {
    for width in [360, 1280] {
        let settings = BrowserSettings {
            width,
            ..BrowserSettings::default()
        };
        let (vault, browser) = start(settings).await;
        let user = User(&browser);
        user.create(HOSTILE, HOSTILE).await;
        let path = browser.page.current_url().await.unwrap();
        let list = format!("{}{}/credentials", vault.admin.url, home(&vault.admin));
        let pages = [
            path.to_string(),
            format!("{path}/edit"),
            format!("{path}/relay-policy"),
            list.clone(),
            format!("{list}/new"),
        ];
        for page in pages {
            browser.page.goto(&page).await.unwrap();
            assert!(
                browser.page.find(Locator::Css("img")).await.is_err(),
                "{page}"
            );
            assert!(browser.page.get_alert_text().await.is_err(), "{page}");
            assert_eq!(browser.overflow().await, 0, "{page}, {width} px");
            assert_eq!(
                browser.serious_violations().await,
                Vec::<String>::new(),
                "{page}"
            );
            let source = browser.page.source().await.unwrap();
            assert!(source.len() < 60 * 1024, "{page}");
        }
        browser.page.goto(path.as_str()).await.unwrap();
        user.click("//button[.='Reveal']").await;
        user.sees(HOSTILE).await;
        assert!(browser.page.find(Locator::Css("img")).await.is_err());
        assert_eq!(browser.overflow().await, 0, "the secret, {width} px");
        assert_eq!(browser.serious_violations().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn the_list_follows_its_filter_and_a_policy_is_edited_and_tested() {
    let (vault, browser) = start(BrowserSettings::default()).await;
    let user = User(&browser);
    for label in ["one", "two"] {
        let body = json!({"extcred_provider": "generic", "extcred_type": "api_key",
            "extcred_label": label, "json_blob": {"api_key": "canary-secret"}});
        vault.admin.create_from(&body).await;
    }
    user.click("//nav//a[.='Credentials']").await;
    user.sees("two").await;
    user.type_into("filter-label", "one").await;
    eventually("filtered", Duration::from_secs(10), async || {
        browser
            .page
            .find(Locator::XPath("//a[.='two']"))
            .await
            .is_err()
    })
    .await;
    user.click("//table//a[.='one']").await;
    user.click("//a[.='Relay policy']").await;
    user.type_into("policy", r#"{"hosts": ["x"], "rulez": []}"#)
        .await;
    user.click("//button[.='Save the policy']").await;
    user.sees("The policy was not saved").await;
    user.sees("rulez").await;
    let policy = r#"{"hosts": ["api.example.com"], "rules": [{"methods": ["GET"]}],
        "inject": [{"header": "authorization", "prefix": "Bearer ", "from": "api_key"}]}"#;
    user.type_into("policy", policy).await;
    user.click("//button[.='Save the policy']").await;
    user.sees("The policy is saved.").await;
    user.type_into("path", "/v1/things").await;
    user.click("//button[starts-with(., 'Show what')]").await;
    user.sees("GET /v1/things").await;
    user.sees("authorization: Bearer [redacted]").await;
    assert!(!browser.page.source().await.unwrap().contains("canary"));
    user.click("//select[@id='method']/option[.='POST']").await;
    user.click("//button[starts-with(., 'Show what')]").await;
    user.sees("Nothing would be sent").await;
    user.click("//a[.='Delete the policy']").await;
    user.sees("is not used in relays").await;
    user.click("//button[.='Delete the policy']").await;
    user.sees("The relay policy is deleted.").await;
}

#[tokio::test]
async fn a_part_of_a_page_that_is_not_updated_says_so() {
    let (_vault, browser) = start(BrowserSettings::default()).await;
    let user = User(&browser);
    user.click("//nav//a[.='Credentials']").await;
    let spoil = "document.querySelector('#filter-provider option').value = 'bogus'";
    browser.page.execute(spoil, Vec::new()).await.unwrap();
    user.type_into("filter-label", "x").await;
    user.sees("the server answered 400").await;
    let mend = "document.querySelector('#filter-provider option').value = ''";
    browser.page.execute(mend, Vec::new()).await.unwrap();
    user.type_into("filter-label", "xy").await;
    eventually("no problem", Duration::from_secs(10), async || {
        !user.shown().await.contains("was not updated")
    })
    .await;
    let cut = "XMLHttpRequest.prototype.send = function () { this.onerror(); }";
    browser.page.execute(cut, Vec::new()).await.unwrap();
    user.type_into("filter-label", "xyz").await;
    user.sees("the server was not reached").await;
}

#[tokio::test]
async fn a_secret_is_hidden_again_and_copied_without_being_shown() {
    let (_vault, browser) = start(BrowserSettings::default()).await;
    let user = User(&browser);
    user.create("copied", "canary-secret").await;
    // The clipboard is the test's.
    let keep =
        "navigator.clipboard.writeText = text => { window.kept = text; return Promise.resolve(); }";
    browser.page.execute(keep, Vec::new()).await.unwrap();
    user.click("//button[starts-with(., 'Copy api_key')]").await;
    user.sees("Copied.").await;
    let kept = browser
        .page
        .execute("return window.kept", Vec::new())
        .await
        .unwrap();
    assert_eq!(kept, "canary-secret");
    assert!(
        !browser
            .page
            .source()
            .await
            .unwrap()
            .contains("canary-secret")
    );
    user.click("//button[.='Reveal']").await;
    user.sees("canary-secret").await;
    let limit = Duration::from_secs(45);
    eventually("hidden again", limit, async || {
        !browser
            .page
            .source()
            .await
            .unwrap()
            .contains("canary-secret")
    })
    .await;
    user.sees("The secret is hidden again.").await;
}
