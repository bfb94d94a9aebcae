//! The tasks that the console is for, each from the form for signing in. What they take is printed.

use std::time::{Duration, Instant};

use fantoccini::Locator;
use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, Browser, BrowserSettings, TestVault, eventually};

use super::support::vault;

const LABEL: &str = "shopify/customer 42";
/// Other tenants, so that the list of them has two pages.
const OTHERS: usize = 45;

/// An organization with tenants, one of which has a Shopify credential that was revealed today.
struct Place {
    _vault: TestVault,
    root: Api,
    tenant: Api,
    /// The key that revealed the credential.
    reader: String,
    id: String,
}

impl Place {
    async fn new() -> Self {
        let vault = vault().await;
        let root = vault.root();
        for number in 0..OTHERS {
            root.new_suborganization(&format!("customer {}", 100 + number))
                .await;
        }
        let tenant = root.new_suborganization("customer 42").await;
        let keep = json!({"versions_kept": 5, "recovery_days": 7});
        root.acting_in(&tenant.org)
            .call(Method::PATCH, "/organizations/config", &keep, 204)
            .await;
        let create = async |provider: &str| {
            let body = json!({"extcred_provider": provider, "extcred_type": "api_key",
                "extcred_label": LABEL.replace("shopify", provider),
                "json_blob": {"api_key": "first"}});
            tenant.create_from(&body).await
        };
        create("generic").await;
        let id = create("shopify").await;
        let (reader, key) = tenant.issue(json!({"role": "reader"})).await;
        reader.secret(&id).await;
        Self {
            _vault: vault,
            root,
            tenant,
            reader: key,
            id,
        }
    }
}

/// A person at work on a task.
struct Worker<'a> {
    browser: &'a Browser,
    /// How many pages were opened.
    pages: u32,
    began: Instant,
}

impl<'a> Worker<'a> {
    /// Signs in as `api`, which opens two pages.
    async fn sign_in(browser: &'a Browser, api: &Api) -> Self {
        browser.page.delete_all_cookies().await.unwrap();
        let mut worker = Self {
            browser,
            pages: 1,
            began: Instant::now(),
        };
        let url = format!("{}/console", api.url);
        browser.page.goto(&url).await.unwrap();
        worker.enter("secret", &api.key).await;
        worker.press("Sign in", "Overview").await;
        worker
    }

    /// Signs in above the tenant, and opens its credential.
    async fn at_credential(browser: &'a Browser, place: &Place) -> Self {
        let mut worker = Self::sign_in(browser, &place.root).await;
        worker.open("//nav//a[.='Tenants']", "Tenants").await;
        worker.enter("search", "customer 42").await;
        worker.press("Search", "Tenants").await;
        let tenant = "//tr[.//span='customer 42']//a[.='Open']";
        worker.open(tenant, "Overview").await;
        let number = "//a[contains(@href, 'provider=shopify')]";
        worker.open(number, "Credentials").await;
        worker.open("//table//th/a", LABEL).await;
        worker
    }

    /// Follows a link, or sends a form, to a page with this heading.
    async fn open(&mut self, xpath: &str, heading: &str) {
        let found = self.browser.page.wait().for_element(Locator::XPath(xpath));
        let found = found
            .await
            .unwrap_or_else(|error| panic!("{xpath}: {error}"));
        found.click().await.unwrap();
        self.pages += 1;
        self.sees_heading(heading).await;
    }

    async fn press(&mut self, button: &str, heading: &str) {
        self.open(&format!("//main//button[.='{button}']"), heading)
            .await;
    }

    async fn sees_heading(&self, text: &str) {
        let heading = format!("//h1[.='{text}']");
        let heading = self
            .browser
            .page
            .wait()
            .for_element(Locator::XPath(&heading));
        heading
            .await
            .unwrap_or_else(|error| panic!("{text}: {error}"));
    }

    async fn enter(&self, id: &str, text: &str) {
        let field = self.browser.page.wait().for_element(Locator::Id(id)).await;
        let field = field.unwrap_or_else(|error| panic!("{id}: {error}"));
        field.send_keys(text).await.unwrap();
    }

    /// Sets a day, as its calendar does.
    async fn choose(&self, id: &str, value: &str) {
        let script = "document.getElementById(arguments[0]).value = arguments[1]";
        let args = vec![id.into(), value.into()];
        self.browser.page.execute(script, args).await.unwrap();
    }

    async fn sees(&self, text: &str) {
        eventually(text, Duration::from_secs(20), async || {
            let body = self.browser.page.find(Locator::Css("main")).await;
            match body {
                Ok(body) => body.text().await.is_ok_and(|shown| shown.contains(text)),
                Err(_) => false,
            }
        })
        .await;
    }

    /// The task is done, with at most so many pages.
    #[expect(
        clippy::print_stderr,
        reason = "the measured times, which depend on the machine"
    )]
    fn done(self, task: &str, most: u32) {
        let (pages, took) = (self.pages, self.began.elapsed());
        eprintln!("{task}: {pages} pages, {} ms", took.as_millis());
        assert!(pages <= most, "{task}: {pages} pages");
    }
}

#[tokio::test]
async fn each_task_takes_few_pages() {
    let place = Place::new().await;
    let browser = Browser::start(BrowserSettings::default()).await;
    finds_a_credential_and_its_last_reader(&browser, &place).await;
    finds_who_revealed_it_on_a_day(&browser, &place).await;
    issues_a_key_for_one_prefix(&browser, &place).await;
    replaces_a_value_without_a_gap(&browser, &place).await;
    undoes_a_deletion(&browser, &place).await;
}

async fn finds_a_credential_and_its_last_reader(browser: &Browser, place: &Place) {
    let worker = Worker::at_credential(browser, place).await;
    worker.sees(&place.id).await;
    worker.done("find a tenant's Shopify credential", 7);
    let worker = Worker::at_credential(browser, place).await;
    let reader = "//section[@aria-labelledby='readers']//tbody/tr[1]";
    let reader = browser.page.find(Locator::XPath(reader)).await.unwrap();
    let reader = reader.text().await.unwrap();
    assert!(reader.contains(&place.reader), "{reader}");
    worker.done("see its last reader", 7);
}

async fn finds_who_revealed_it_on_a_day(browser: &Browser, place: &Place) {
    let mut worker = Worker::at_credential(browser, place).await;
    worker.open("//a[.='All reveals']", "Audit").await;
    let time = browser.page.find(Locator::Css("tbody time")).await.unwrap();
    let day = time.attr("datetime").await.unwrap().unwrap()[..10].to_owned();
    for field in ["since", "until"] {
        worker.choose(field, &day).await;
    }
    worker.press("Filter", "Audit").await;
    worker.sees(&place.reader).await;
    worker.done("find who revealed it on a day", 9);
}

async fn issues_a_key_for_one_prefix(browser: &Browser, place: &Place) {
    let mut worker = Worker::sign_in(browser, &place.tenant).await;
    worker.open("//nav//a[.='Keys']", "API keys").await;
    worker.open("//a[.='Issue a key']", "Issue a key").await;
    worker.enter("name", "shop").await;
    worker.enter("label_prefix", "shopify/").await;
    worker.press("Issue the key", "The new key").await;
    let secret = browser.page.find(Locator::Id("secret")).await.unwrap();
    let key = secret.text().await.unwrap();
    let seen = place.tenant.with_key(&key).list().await;
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0]["extcred_label"], LABEL);
    worker.done("issue a key for one label prefix", 5);
}

async fn replaces_a_value_without_a_gap(browser: &Browser, place: &Place) {
    let (tenant, id) = (&place.tenant, &place.id);
    let path = |query: &str| format!("/organizations/config/external-credentials/{id}{query}");
    let value = async |query: &str| {
        let path = path(query);
        let shown = tenant.call(Method::GET, &path, &Value::Null, 200);
        shown.await["json_blob"]["api_key"].clone()
    };
    let mut worker = Worker::at_credential(browser, place).await;
    worker
        .open("//a[.='Change']", &format!("Change {LABEL}"))
        .await;
    worker.enter("json_blob.api_key", "second").await;
    worker.press("Store the secret as pending", LABEL).await;
    assert_eq!(value("").await, "first");
    assert_eq!(value("?stage=pending").await, "second");
    worker
        .open("//button[starts-with(., 'Make current')]", LABEL)
        .await;
    worker.sees("This value is the current one now.").await;
    assert_eq!(value("").await, "second");
    assert_eq!(value("?stage=previous").await, "first");
    worker.done("replace its value with no gap", 10);
}

async fn undoes_a_deletion(browser: &Browser, place: &Place) {
    let mut other = Worker::at_credential(browser, place).await;
    other.press("Delete this credential", "Credentials").await;
    other.sees("The credential was deleted.").await;
    let mut worker = Worker::sign_in(browser, &place.tenant).await;
    worker
        .open("//nav//a[.='Credentials']", "Credentials")
        .await;
    worker
        .open("//label[.='Show deleted']", "Credentials")
        .await;
    worker
        .open(
            &format!("//button[.='Restore {LABEL}' or .='Restore']"),
            LABEL,
        )
        .await;
    worker.sees("The credential is restored.").await;
    place.tenant.secret(&place.id).await;
    worker.done("undo a deletion", 5);
}
