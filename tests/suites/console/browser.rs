//! Pages in a browser.

use fantoccini::Locator;
use fantoccini::key::Key;
use strongroom_e2e::{Browser, BrowserSettings, TestVault};

use super::support::vault;

/// Signs in with the keyboard alone.
pub(super) async fn sign_in(browser: &Browser, vault: &TestVault) {
    let page = &browser.page;
    page.goto(&format!("{}/console", vault.admin.url))
        .await
        .unwrap();
    let focused = page.active_element().await.unwrap();
    assert_eq!(
        focused.attr("name").await.unwrap().as_deref(),
        Some("secret")
    );
    focused.send_keys(&vault.admin.key).await.unwrap();
    focused
        .send_keys(&char::from(Key::Enter).to_string())
        .await
        .unwrap();
    let heading = page
        .wait()
        .for_element(Locator::XPath("//h1[.='Overview']"));
    heading.await.unwrap();
}

#[tokio::test]
async fn one_signs_in_by_keyboard_and_pages_are_accessible_at_two_widths() {
    let vault = vault().await;
    for width in [360, 1280] {
        let browser = Browser::start(BrowserSettings {
            width,
            ..BrowserSettings::default()
        })
        .await;
        browser
            .page
            .goto(&format!("{}/console", vault.admin.url))
            .await
            .unwrap();
        assert_eq!(browser.serious_violations().await, Vec::<String>::new());
        assert_eq!(browser.overflow().await, 0, "the form, {width} px");
        sign_in(&browser, &vault).await;
        assert_eq!(browser.serious_violations().await, Vec::<String>::new());
        assert_eq!(browser.overflow().await, 0, "the overview, {width} px");
        let local = browser
            .page
            .wait()
            .for_element(Locator::Css("time + .local"));
        local.await.unwrap();
    }
}

#[tokio::test]
async fn pages_work_without_script() {
    let vault = vault().await;
    let browser = Browser::start(BrowserSettings {
        script: false,
        ..BrowserSettings::default()
    })
    .await;
    sign_in(&browser, &vault).await;
    assert!(
        browser
            .page
            .find(Locator::Css("time + .local"))
            .await
            .is_err()
    );
    let out = browser
        .page
        .find(Locator::Css(".sign-out button"))
        .await
        .unwrap();
    out.click().await.unwrap();
    let said = browser
        .page
        .wait()
        .for_element(Locator::Css("[role=status]"));
    assert_eq!(
        said.await.unwrap().text().await.unwrap(),
        "You are signed out."
    );
}
