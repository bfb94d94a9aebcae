//! Callers without a key: with `dev`, and with `serve` and its setting.

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, Server, TestVault};

const UNAUTHORIZED: &str = "Invalid Authentication, Incorrect API key provided or organization";
const CREATE: &str = "/external_provider/api_key/create";

#[tokio::test]
async fn anonymous_callers_reach_users_keys_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let args = [
        "dev",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--data",
        data.to_str().unwrap(),
    ];
    let server = Server::spawn(&args, &[]);
    let instance: Value = serde_json::from_str(&server.first_line()).unwrap();
    let text = |name: &str| instance[name].as_str().unwrap().to_owned();
    let api = Api::new(&text("url"), &text("org_id"), "");

    let body = json!({"user": "u", "open_AI": {"api_key": "k"}});
    let request = api.bare(Method::POST, CREATE).json(&body);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let listing = api.bare(Method::GET, CREDENTIALS);
    let listing = listing.header("SlashID-OrgID", &api.org);
    assert_eq!(listing.send().await.unwrap().status(), 401);

    // DNS rebinding: the browser still sends the page's own name as the host.
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example"] {
        let request = api.bare(Method::POST, CREATE).header("Host", host);
        let answer = request.json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{host}");
        assert_eq!(answer.text().await.unwrap(), UNAUTHORIZED);
    }
    // A caller with a wrong key is not anonymous.
    let request = api.bare(Method::POST, CREATE).json(&body);
    let request = request.header("X-Application-ID", "wrong");
    assert_eq!(request.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn serve_knows_anonymous_callers_only_when_told() {
    let vault = TestVault::start().await;
    let configured = vault.start_server(&[("STRONGROOM_ANONYMOUS_ORG", &vault.admin.org)]);
    vault.ready(&configured.url()).await;
    let body = json!({"user": "u", "open_AI": {"api_key": "k"}});
    for (url, status) in [(configured.url(), 200), (vault.admin.url.clone(), 401)] {
        let api = vault.admin.at(&url);
        let request = api.bare(Method::POST, CREATE);
        assert_eq!(request.json(&body).send().await.unwrap().status(), status);
    }
}
