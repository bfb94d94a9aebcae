//! Signing in and out, and what pages send with themselves.

use reqwest::Method;
use serde_json::Value;
use strongroom_e2e::{TestVault, failure};

use super::support::{ON, Visitor, home, vault};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

#[tokio::test]
async fn one_signs_in_with_a_key_and_out_again() {
    let vault = vault().await;
    let mut visitor = Visitor::new(&vault.admin.url);
    assert!(visitor.is_out().await);
    // A cookie that was there before is not taken over.
    let planted = "strongroom_console=srw_planted";
    visitor.cookie = Some(planted.to_owned());
    let page = visitor.sign_in(&[("secret", &vault.admin.key)]).await;
    assert_eq!(
        (page.status, page.location.as_deref()),
        (303, Some("/console"))
    );
    let [cookie] = page.cookies.as_slice() else {
        panic!("{:?}", page.cookies)
    };
    let (value, attributes) = cookie.split_once("; ").unwrap();
    assert!(value.starts_with("strongroom_console=srw_") && value != planted);
    assert_eq!(attributes, "Path=/console; HttpOnly; SameSite=Strict");
    assert!(!value.contains(&vault.admin.key));
    let again = Visitor::signed_in(&vault.admin).await;
    assert_ne!(again.cookie, visitor.cookie);

    let home = home(&vault.admin);
    assert_eq!(visitor.get("/console").await.location, Some(home.clone()));
    let page = visitor.get(&home).await;
    assert_eq!(page.status, 200);
    for shown in ["test", &vault.admin.org, "credentials:reveal"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    assert!(page.text.len() < 60 * 1024);

    ends_with_sign_out(&visitor, &again, &home).await;
    begins_and_ends_are_events(&vault, 2, 1).await;
}

async fn ends_with_sign_out(visitor: &Visitor, again: &Visitor, home: &str) {
    let page = visitor.submit(home, "/console/sign-out", &[]).await;
    assert_eq!(page.location.as_deref(), Some("/console/sign-in"));
    assert!(
        page.cookies
            .iter()
            .any(|cookie| cookie.contains("Max-Age=0"))
    );
    assert!(visitor.is_out().await && !again.is_out().await);
    let page = visitor.get(home).await;
    let next = page.location.unwrap();
    assert!(
        next.starts_with("/console/sign-in?next=%2Fconsole%2Forganizations"),
        "{next}"
    );
}

async fn begins_and_ends_are_events(vault: &TestVault, begins: usize, ends: usize) {
    let events = vault
        .admin
        .call(
            Method::GET,
            "/organizations/config/audit-events",
            &Value::Null,
            200,
        )
        .await;
    let events = events.as_array().unwrap().iter();
    let console: Vec<_> = events
        .filter(|event| event["action"].as_str().unwrap().starts_with("console."))
        .map(|event| {
            (
                event["action"].as_str().unwrap(),
                event["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    let count = |action: &str| {
        console
            .iter()
            .filter(|event| **event == (action, "ok"))
            .count()
    };
    assert_eq!(
        (count("console.sign_in"), count("console.sign_out")),
        (begins, ends),
        "{console:?}"
    );
}

#[tokio::test]
async fn what_is_no_key_begins_no_session_and_failures_are_limited() {
    let vault = TestVault::start_with(&[
        ON[0],
        ("STRONGROOM_FAILED_AUTH_RATE", "1/h"),
        ("STRONGROOM_FAILED_AUTH_BURST", "4"),
    ])
    .await;
    let mut visitor = Visitor::new(&vault.admin.url);
    let page = visitor.sign_in(&[("secret", "")]).await;
    assert_eq!((page.status, page.cookies.len()), (422, 0));
    let mut wrong = vault.admin.key.clone();
    wrong.push('a');
    for secret in [&wrong, "nonsense", "srw_a_b", "srt_a_b"] {
        let page = visitor.sign_in(&[("secret", secret)]).await;
        assert_eq!((page.status, page.cookies.len()), (403, 0), "{}", page.text);
        assert!(page.text.contains("not a valid API key") && !page.text.contains(secret));
    }
    let page = visitor.sign_in(&[("secret", "nonsense")]).await;
    assert_eq!(page.status, 429, "{}", page.text);
    assert!(page.text.contains("Too many"));
    // A key of this service is looked up all the same.
    let page = visitor.sign_in(&[("secret", &vault.admin.key)]).await;
    assert_eq!(page.status, 303);
    assert!(!visitor.is_out().await);
}

#[tokio::test]
async fn one_signs_in_as_a_client_until_its_secret_is_replaced() {
    let vault = vault().await;
    let body = serde_json::json!({"client_name": "c", "scopes": ["credentials:list"],
        "grant_types": ["client_credentials"]});
    let made = vault
        .admin
        .call(Method::POST, "/oauth2/clients", &body, 201)
        .await;
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let (id, secret) = (text("client_id"), text("client_secret"));
    let mut visitor = Visitor::new(&vault.admin.url);
    let page = visitor
        .sign_in(&[("client_id", &id), ("secret", &vault.admin.key)])
        .await;
    assert_eq!(page.status, 403);
    visitor
        .sign_in(&[("client_id", &id), ("secret", &secret)])
        .await;
    let page = visitor.get(&home(&vault.admin)).await;
    assert!(
        page.text.contains(&id) && !page.text.contains("credentials:reveal"),
        "{}",
        page.text
    );
    let path = format!("/oauth2/clients/{id}/secret");
    let replaced = vault
        .admin
        .request(Method::PUT, &path)
        .send()
        .await
        .unwrap();
    assert_eq!(replaced.status(), 200);
    assert!(visitor.is_out().await);
}

#[tokio::test]
async fn pages_keep_to_themselves() {
    let vault = vault().await;
    let visitor = Visitor::signed_in(&vault.admin).await;
    let home = home(&vault.admin);
    for path in [
        home.as_str(),
        "/console/sign-in",
        "/console/nowhere",
        "/console",
    ] {
        let response = visitor.request("GET", path, &[]).send().await.unwrap();
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap())
        };
        assert_eq!(header("content-security-policy"), Some(POLICY), "{path}");
        assert_eq!(header("x-content-type-options"), Some("nosniff"));
        assert_eq!(header("referrer-policy"), Some("same-origin"));
        assert_eq!(header("cross-origin-opener-policy"), Some("same-origin"));
        assert_eq!(header("cache-control"), Some("no-store"));
        assert_eq!(header("strict-transport-security"), None);
    }
}

#[tokio::test]
async fn browsers_keep_files_and_nothing_else_is_there() {
    let vault = vault().await;
    let visitor = Visitor::signed_in(&vault.admin).await;
    let home = home(&vault.admin);
    let page = visitor.get(&home).await;
    let assets = page
        .text
        .split('"')
        .filter(|text| text.starts_with("/console/assets/"));
    let assets: Vec<_> = assets.collect();
    assert_eq!(assets.len(), 4);
    for asset in assets {
        let response = visitor.request("GET", asset, &[]).send().await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(
            header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        let tag = header("etag");
        let same = [("if-none-match", tag.as_str())];
        assert_eq!(
            visitor
                .request("GET", asset, &same)
                .send()
                .await
                .unwrap()
                .status(),
            304
        );
    }
    assert_eq!(
        visitor.get("/console/assets/0/console.css").await.status,
        200
    );
    assert_eq!(visitor.get("/console/nowhere").await.status, 404);
    let response = visitor
        .request("PUT", "/console/sign-out", &[])
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 405);
}

#[tokio::test]
async fn https_behind_a_proxy_makes_the_cookie_secure() {
    let proxied = [("STRONGROOM_TRUSTED_PROXIES", "127.0.0.1"), ON[0]];
    let vault = TestVault::start_with(&proxied).await;
    let visitor = Visitor::new(&vault.admin.url);
    let fields = [("secret", vault.admin.key.as_str())];
    let https = ("x-forwarded-proto", "https");
    let plain = [https, ("origin", visitor.url.as_str())];
    let page = visitor.post_with("/console/sign-in", &fields, &plain).await;
    assert_eq!((page.status, page.cookies.len()), (403, 0));
    let origin = visitor.url.replace("http://", "https://");
    let headers = [https, ("origin", origin.as_str())];
    let page = visitor
        .post_with("/console/sign-in", &fields, &headers)
        .await;
    let cookie = &page.cookies[0];
    assert!(cookie.starts_with("__Host-strongroom=srw_"), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    let response = visitor
        .request("GET", "/console/sign-in", &[https])
        .send()
        .await
        .unwrap();
    assert_eq!(
        response.headers()["strict-transport-security"],
        "max-age=63072000"
    );
}

#[tokio::test]
async fn without_the_setting_there_is_no_console() {
    let vault = TestVault::start().await;
    let response = vault
        .admin
        .bare(Method::GET, "/console")
        .send()
        .await
        .unwrap();
    let failure = failure(response, 404).await;
    assert_eq!(failure.errors[0].1, "unknown_path");
}
