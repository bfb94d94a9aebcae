//! The console behind the TLS of the server itself.

use fantoccini::Locator;
use strongroom_e2e::{Browser, BrowserSettings, TestVault};

use super::certificates::{Authority, Client, Files};
use super::serve;

const SIGN_IN: &str = "/console/sign-in";
const COOKIE: &str = "__Host-strongroom=";

/// A server with the console, and a caller that trusts its authority.
struct Https {
    vault: TestVault,
    address: String,
    client: Client,
    _files: Files,
}

impl Https {
    async fn start() -> Self {
        let authority = Authority::new("one");
        let files = Files::new(&authority);
        let (vault, address) = serve(&files, &[("STRONGROOM_CONSOLE", "true")]).await;
        Self {
            vault,
            address,
            client: Client::new(&authority),
            _files: files,
        }
    }

    fn get(&self, path: &str, cookie: &str) -> String {
        let head = format!("GET {path} HTTP/1.1\r\nCookie: {cookie}\r\n");
        self.client.exchange(&self.address, &head, "").unwrap()
    }

    /// Sends the form for signing in, with this header field.
    fn sign_in(&self, field: &str) -> String {
        let form = "Content-Type: application/x-www-form-urlencoded";
        let head = format!("POST {SIGN_IN} HTTP/1.1\r\n{form}\r\n{field}\r\n");
        let body = format!("secret={}", self.vault.admin.key);
        self.client.exchange(&self.address, &head, &body).unwrap()
    }
}

fn is_status(answer: &str, status: u16) -> bool {
    answer.starts_with(&format!("HTTP/1.1 {status} "))
}

fn is_strict(answer: &str) -> bool {
    answer.contains("strict-transport-security: max-age=63072000\r\n")
}

fn cookies(answer: &str) -> Vec<&str> {
    let lines = answer.lines();
    lines
        .filter_map(|line| line.strip_prefix("set-cookie: "))
        .collect()
}

#[tokio::test]
async fn cookies_are_secure_and_forms_come_from_https() {
    let https = Https::start().await;
    let own = format!("Origin: https://{}", https.address);
    for foreign in [
        own.replace("https", "http"),
        "Origin: https://evil.example".to_owned(),
        "Origin: null".to_owned(),
        "X-Forwarded-Proto: https".to_owned(),
        "Sec-Fetch-Site: same-site".to_owned(),
    ] {
        let answer = https.sign_in(&foreign);
        assert!(is_status(&answer, 403), "{foreign}: {answer}");
        assert!(
            cookies(&answer).is_empty() && is_strict(&answer),
            "{answer}"
        );
    }
    let answer = https.sign_in(&own);
    assert!(is_status(&answer, 303) && is_strict(&answer), "{answer}");
    let [cookie] = cookies(&answer)[..] else {
        panic!("{answer}")
    };
    assert!(cookie.starts_with(&format!("{COOKIE}srw_")), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().unwrap();
    let home = https.get("/console", cookie);
    assert!(home.contains("location: /console/organizations/"), "{home}");
    // The name that is used over plain HTTP counts for nothing here.
    let plain = cookie.replace(COOKIE, "strongroom_console=");
    let answer = https.get("/console", &plain);
    assert!(answer.contains(&format!("location: {SIGN_IN}")), "{answer}");
    for (path, status) in [(SIGN_IN, 200), ("/console/nowhere", 404)] {
        let answer = https.get(path, "a=b");
        assert!(is_status(&answer, status) && is_strict(&answer), "{answer}");
    }
    // What tells the next page what happened is a cookie like the other one.
    let ended = https.get("/console", &format!("{COOKIE}srw_a_b"));
    let all = cookies(&ended);
    assert_eq!(all.len(), 2, "{ended}");
    for cookie in all {
        assert!(cookie.starts_with("__Host-strongroom"), "{cookie}");
        assert!(cookie.contains("; Path=/; Secure; HttpOnly"), "{cookie}");
    }
}

#[tokio::test]
async fn a_browser_signs_in_over_tls() {
    let https = Https::start().await;
    let browser = Browser::start(BrowserSettings::default()).await;
    let page = &browser.page;
    let url = format!("https://{}/console", https.address);
    page.goto(&url).await.unwrap();
    let secret = page.find(Locator::Id("secret")).await.unwrap();
    secret.send_keys(&https.vault.admin.key).await.unwrap();
    let button = page.find(Locator::Css("main button")).await.unwrap();
    button.click().await.unwrap();
    let heading = Locator::XPath("//h1[.='Overview']");
    page.wait().for_element(heading).await.unwrap();
    let cookies = page.get_all_cookies().await.unwrap();
    let [cookie] = &cookies[..] else {
        panic!("{cookies:?}")
    };
    assert_eq!(cookie.name(), "__Host-strongroom");
    assert_eq!(cookie.secure(), Some(true));
    assert_eq!(cookie.http_only(), Some(true));
    let seen = "return [document.cookie, window.isSecureContext]";
    let seen = page.execute(seen, Vec::new()).await.unwrap();
    assert_eq!(seen, serde_json::json!(["", true]));
    let out = page.find(Locator::Css(".sign-out button")).await.unwrap();
    out.click().await.unwrap();
    let said = page.wait().for_element(Locator::Css("[role=status]"));
    let said = said.await.unwrap().text().await.unwrap();
    assert_eq!(said, "You are signed out.");
    page.goto(&url).await.unwrap();
    page.find(Locator::Id("secret")).await.unwrap();
}
