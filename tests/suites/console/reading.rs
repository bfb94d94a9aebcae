//! A reader of pages in a browser.

use std::time::Duration;

use fantoccini::Locator;
use strongroom_e2e::{Browser, BrowserSettings, TestVault, eventually};

use super::browser::sign_in;

const LIMIT: Duration = Duration::from_secs(30);

/// A reader of pages in a browser.
pub(super) struct Reader(pub(super) Browser);

impl Reader {
    /// Signs in with the key of the vault's admin.
    pub(super) async fn of(vault: &TestVault, settings: BrowserSettings) -> Self {
        let browser = Browser::start(settings).await;
        sign_in(&browser, vault).await;
        Self(browser)
    }

    pub(super) async fn open(&self, vault: &TestVault, path: &str) {
        let url = format!("{}{path}", vault.admin.url);
        self.0.page.goto(&url).await.unwrap();
    }

    // The script may replace what was just found.
    pub(super) async fn click(&self, xpath: &str) {
        eventually(xpath, LIMIT, async || {
            match self.0.page.find(Locator::XPath(xpath)).await {
                Ok(found) => found.click().await.is_ok(),
                Err(_) => false,
            }
        })
        .await;
    }

    /// Sets the field with this id, as a choice of the keyboard or the pointer does.
    pub(super) async fn set(&self, id: &str, value: &str) {
        let script = "document.getElementById(arguments[0]).value = arguments[1]";
        let args = vec![id.into(), value.into()];
        self.0.page.execute(script, args).await.unwrap();
    }

    pub(super) async fn sees(&self, text: &str) {
        eventually(text, LIMIT, async || self.shown().await.contains(text)).await;
    }

    pub(super) async fn shown(&self) -> String {
        match self.0.page.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// That the page fits its window, and that nobody is shut out from it.
    pub(super) async fn is_accessible(&self, what: &str) {
        let found = self.0.serious_violations().await;
        assert_eq!(found, Vec::<String>::new(), "{what}");
        assert_eq!(self.0.overflow().await, 0, "{what}");
    }
}
