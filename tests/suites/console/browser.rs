//! Pages in a browser.

use fantoccini::Locator;
use fantoccini::key::Key;
use serde_json::json;
use strongroom_e2e::{Browser, BrowserSettings, TestVault};

use super::support::{home, vault};

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

#[tokio::test]
async fn tables_have_local_times_in_titles_and_their_words_are_not_broken() {
    let vault = vault().await;
    let body = json!({"extcred_provider": "shopify", "extcred_type": "api_key",
        "extcred_label": "l".repeat(200), "json_blob": {"api_key": "secret"}});
    vault.admin.create_from(&body).await;
    let browser = Browser::start(BrowserSettings::default()).await;
    sign_in(&browser, &vault).await;
    let list = format!("{}{}/credentials", vault.admin.url, home(&vault.admin));
    browser.page.goto(&list).await.unwrap();
    let title = Locator::Css("td time[title*=' here, ']");
    browser.page.wait().for_element(title).await.unwrap();
    let local = browser.page.find(Locator::Css("table .local")).await;
    assert!(local.is_err(), "rows are not doubled");
    let lines = "const cell = document.querySelector('td[data-name=Provider]');
        const words = document.createRange();
        words.selectNodeContents(cell);
        return new Set([...words.getClientRects()].map(line => line.top)).size;";
    let lines = browser.page.execute(lines, Vec::new()).await.unwrap();
    assert_eq!(lines, 1);
    assert_eq!(browser.overflow().await, 0);
    let tops =
        "return [...document.querySelectorAll('.filter > div:not(.check) :is(input, select)')]
        .map(field => field.getBoundingClientRect().top);";
    let tops = browser.page.execute(tops, Vec::new()).await.unwrap();
    let tops = tops.as_array().unwrap();
    assert!(
        tops.len() > 3 && tops.iter().all(|top| *top == tops[0]),
        "{tops:?}"
    );
}
